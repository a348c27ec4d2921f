import json
import random
import time

import requests
import sqlalchemy
from sqlalchemy import text

random.seed(100)

STREAM = "streaming-0a1b2c3d4e5f-all"
invoke_url = f"https://b1c2d3e4f5.execute-api.us-east-1.amazonaws.com/dev/streams/{STREAM}/record"
headers = {"Content-Type": "application/json"}

engine = sqlalchemy.create_engine("mysql+pymysql://project_user:project_password@pinterest-data.c0ffee123456.us-east-1.rds.amazonaws.com:3306/pinterest_data?charset=utf8mb4")


def send(partition_key, row):
    for name in row:
        if hasattr(row[name], "isoformat"):
            row[name] = row[name].isoformat()
    payload = json.dumps({"StreamName": STREAM, "Data": row, "PartitionKey": partition_key})
    response = requests.request("PUT", invoke_url, headers=headers, data=payload)
    print(partition_key, response.status_code)
    if response.status_code != 200:
        print(response.text)


for i in range(10):
    random_row = random.randint(0, 30)
    with engine.connect() as connection:
        for row in connection.execute(text(f"SELECT * FROM pinterest_data LIMIT {random_row}, 1")):
            send("pin", dict(row._mapping))
        for row in connection.execute(text(f"SELECT * FROM geolocation_data LIMIT {random_row}, 1")):
            send("geo", dict(row._mapping))
        for row in connection.execute(text(f"SELECT * FROM user_data LIMIT {random_row}, 1")):
            send("user", dict(row._mapping))
    time.sleep(0.1)
