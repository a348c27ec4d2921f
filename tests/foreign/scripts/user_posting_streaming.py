import json
import random
from time import sleep

import requests
from sqlalchemy import text

from user_posting import DatabaseConnector

random.seed(100)

new_connector = DatabaseConnector()
invoke_url = "https://b1c2d3e4f5.execute-api.us-east-1.amazonaws.com/dev"
headers = {"Content-Type": "application/json"}


def run_infinite_post_data_loop():
    engine = new_connector.create_connector()
    while True:
        sleep(random.randrange(0, 2))
        random_row = random.randint(0, 11000)

        with engine.connect() as connection:
            pin_string = text(f"SELECT * FROM pinterest_data LIMIT {random_row}, 1")
            for row in connection.execute(pin_string):
                pin_result = dict(row._mapping)
            geo_string = text(f"SELECT * FROM geolocation_data LIMIT {random_row}, 1")
            for row in connection.execute(geo_string):
                geo_result = dict(row._mapping)
            user_string = text(f"SELECT * FROM user_data LIMIT {random_row}, 1")
            for row in connection.execute(user_string):
                user_result = dict(row._mapping)

        pin_payload = json.dumps({
            "StreamName": "streaming-0a1b2c3d4e5f-pin",
            "Data": {
                "index": pin_result["index"], "unique_id": pin_result["unique_id"], "title": pin_result["title"],
                "description": pin_result["description"], "poster_name": pin_result["poster_name"],
                "follower_count": pin_result["follower_count"], "tag_list": pin_result["tag_list"],
                "is_image_or_video": pin_result["is_image_or_video"], "image_src": pin_result["image_src"],
                "downloaded": pin_result["downloaded"], "save_location": pin_result["save_location"],
                "category": pin_result["category"]
            },
            "PartitionKey": "pin-partition"
        })
        geo_payload = json.dumps({
            "StreamName": "streaming-0a1b2c3d4e5f-geo",
            "Data": {
                "ind": geo_result["ind"], "timestamp": str(geo_result["timestamp"]), "latitude": geo_result["latitude"],
                "longitude": geo_result["longitude"], "country": geo_result["country"]
            },
            "PartitionKey": "geo-partition"
        })
        user_payload = json.dumps({
            "StreamName": "streaming-0a1b2c3d4e5f-user",
            "Data": {
                "ind": user_result["ind"], "first_name": user_result["first_name"], "last_name": user_result["last_name"],
                "age": user_result["age"], "date_joined": str(user_result["date_joined"])
            },
            "PartitionKey": "user-partition"
        })

        pin_response = requests.request("PUT", f"{invoke_url}/streams/streaming-0a1b2c3d4e5f-pin/record", headers=headers, data=pin_payload)
        geo_response = requests.request("PUT", f"{invoke_url}/streams/streaming-0a1b2c3d4e5f-geo/record", headers=headers, data=geo_payload)
        user_response = requests.request("PUT", f"{invoke_url}/streams/streaming-0a1b2c3d4e5f-user/record", headers=headers, data=user_payload)
        print("pin", pin_response.status_code)
        print("geo", geo_response.status_code)
        print("user", user_response.status_code, flush=True)


if __name__ == "__main__":
    run_infinite_post_data_loop()
    print("Working")
