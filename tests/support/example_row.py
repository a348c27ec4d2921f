"""Row 7528, the example in the README of the original: on the wire, in S3, and cleaned."""

from datetime import UTC, datetime
from typing import Any

from contract.entities import GEO, PIN, USER, Entity

KEY = 7528
"""Also the first draw of the original."""

SENT: dict[Entity, dict[str, Any]] = {
    PIN: {
        "index": 7528,
        "unique_id": "fbe53c66-3442-4773-b19e-d3ec6f54dddf",
        "title": "No Title Data Available",
        "description": "No description available Story format",
        "poster_name": "User Info Error",
        "follower_count": "User Info Error",
        "tag_list": "N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e",
        "is_image_or_video": "multi-video(story page format)",
        "image_src": "Image src error.",
        "downloaded": 0,
        "save_location": "Local save in /data/mens-fashion",
        "category": "mens-fashion",
    },
    GEO: {
        "ind": 7528,
        "timestamp": "2020-08-28T03:52:47",
        "latitude": -89.9787,
        "longitude": -173.293,
        "country": "Albania",
    },
    USER: {
        "ind": 7528,
        "first_name": "Abigail",
        "last_name": "Ali",
        "age": 20,
        "date_joined": "2015-10-24T11:23:51",
    },
}

SIZES = {PIN: 444, GEO: 108, USER: 99}
"""Bytes of the row's object with one record an object: compact JSON and the line's end."""

CLEANED: dict[Entity, dict[str, Any]] = {
    PIN: {
        "ind": 7528,
        "unique_id": "fbe53c66-3442-4773-b19e-d3ec6f54dddf",
        "title": None,
        "description": None,
        "follower_count": None,
        "poster_name": None,
        "tag_list": None,
        "is_image_or_video": "multi-video(story page format)",
        "image_src": None,
        "save_location": "/data/mens-fashion",
        "category": "mens-fashion",
    },
    GEO: {
        "ind": 7528,
        "country": "Albania",
        "coordinates": [-89.9787, -173.293],
        "timestamp": datetime(2020, 8, 28, 3, 52, 47, tzinfo=UTC),
    },
    USER: {
        "ind": 7528,
        "user_name": "Abigail Ali",
        "age": 20,
        "date_joined": datetime(2015, 10, 24, 11, 23, 51, tzinfo=UTC),
    },
}
