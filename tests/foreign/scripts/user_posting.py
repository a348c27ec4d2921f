import json
import random
from time import sleep

import requests
import sqlalchemy
from sqlalchemy import text

random.seed(100)

invoke_url = "https://b1c2d3e4f5.execute-api.us-east-1.amazonaws.com/dev"
headers = {"Content-Type": "application/vnd.kafka.json.v2+json"}


class DatabaseConnector:
    def __init__(self):
        self.HOST = "pinterest-data.c0ffee123456.us-east-1.rds.amazonaws.com"
        self.USER = "project_user"
        self.PASSWORD = "project_password"
        self.DATABASE = "pinterest_data"
        self.PORT = 3306

    def create_connector(self):
        engine = sqlalchemy.create_engine(
            f"mysql+pymysql://{self.USER}:{self.PASSWORD}@{self.HOST}:{self.PORT}/{self.DATABASE}?charset=utf8mb4"
        )
        return engine


def get_row(connection, table, number):
    query = text(f"SELECT * FROM {table} LIMIT {number}, 1")
    for row in connection.execute(query):
        return dict(row._mapping)


def send(topic, row):
    payload = json.dumps({"records": [{"value": row}]}, default=str)
    response = requests.request("POST", f"{invoke_url}/topics/{topic}", headers=headers, data=payload)
    print(topic, response.status_code, flush=True)


def run_infinite_post_data_loop():
    engine = DatabaseConnector().create_connector()
    while True:
        sleep(random.randrange(0, 2))
        random_row = random.randint(0, 11000)

        with engine.connect() as connection:
            pin_result = get_row(connection, "pinterest_data", random_row)
            geo_result = get_row(connection, "geolocation_data", random_row)
            user_result = get_row(connection, "user_data", random_row)

            send("0a1b2c3d4e5f.pin", pin_result)
            send("0a1b2c3d4e5f.geo", geo_result)
            send("0a1b2c3d4e5f.user", user_result)


if __name__ == "__main__":
    run_infinite_post_data_loop()
