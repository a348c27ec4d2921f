"""The figures of the original database, which the generated one reproduces exactly.

A *block* is 11,154 posts. Scale N is N blocks, and each has this whole profile. How the
figures overlap inside a block, so that all of them hold at once
(positions are drawn again in each block, but for the fixed ones):

    type NULL                 7   at ``NULL_TYPE_POSITIONS``; image_src NULL, downloaded 0
    multi-video             895   all have the story description
      of which failed        88   every field of the poster and the post is a placeholder,
                                  image_src error, downloaded 0; ``FIXED_POSITION`` is one
      of which no image     235   image_src error, downloaded 0
    video                   332
    image                  9920   one of them not downloaded, its image_src a URL

    image_src error         323 = 88 failed + 235 other multi-video
    downloaded 0            331 = 323 image_src error + 7 type NULL + 1 image
    no tags                 171 = 88 failed + 83 of any type
    no description          182   of the images and videos
    User Info Error          88 = the failed rows, one poster in all blocks
"""

from datetime import datetime

CATEGORIES = (
    ("art", 892),
    ("beauty", 746),
    ("christmas", 999),
    ("diy-and-crafts", 830),
    ("education", 863),
    ("event-planning", 748),
    ("finance", 786),
    ("home-decor", 861),
    ("mens-fashion", 852),
    ("quotes", 910),
    ("tattoos", 970),
    ("travel", 859),
    ("vehicles", 838),
)
"""Category and its posts: consecutive positions of a block, in this order."""

BLOCK = sum(posts for _, posts in CATEGORIES)
"""Posts of a block: 11,154."""

IMAGE, STORY, VIDEO = "image", "multi-video(story page format)", "video"

STORIES = 895
VIDEOS = 332
FAILED = 88
STORIES_WITHOUT_IMAGE = 235
IMAGES_NOT_DOWNLOADED = 1
NO_TAGS_OF_OTHERS = 83
NO_DESCRIPTIONS = 182
NULL_TYPE_POSITIONS = (360, 4467, 4521, 4540, 4727, 4760, 4770)
FIXED_POSITION = 7528
"""Position of the example row; its key in the first block, where the row is fixed."""

NO_TITLE = "No Title Data Available"
NO_USER = "User Info Error"
NO_TAGS = "N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e"
NO_IMAGE = "Image src error."
NO_DESCRIPTION = "No description available"
STORY_DESCRIPTION = "No description available Story format"

RARE_TITLES = (("", 4), (".", 6), ("Untitled", 9))
"""Title and how many posts of a block have it."""
TITLES_WITH_NEWLINE = 15
TITLES_WITH_QUOTES = 60

NON_ASCII_TITLES = 0.10
NON_ASCII_DESCRIPTIONS = 0.43
CUT_DESCRIPTIONS = 0.33
"""Shares of all posts."""
DESCRIPTION_LENGTH, TAGS_LENGTH, POSTER_NAME_LENGTH = 180, 247, 268
"""Greatest lengths, in characters."""
TAGS = 9

POSTER_SIZES = (
    (1, 3869), (2, 640), (3, 272), (4, 156), (5, 88), (6, 65), (7, 36), (8, 35), (9, 22),
    (10, 25), (11, 11), (12, 9), (13, 8), (14, 8), (15, 6), (16, 5), (17, 1), (18, 7), (19, 5),
    (20, 3), (21, 3), (23, 1), (24, 4), (26, 1), (28, 3), (30, 1), (31, 1), (32, 1), (35, 3),
    (36, 1), (38, 1), (44, 1), (45, 2), (47, 1), (49, 1), (53, 1), (54, 1), (60, 1), (68, 1),
    (81, 1), (86, 2), (88, 2), (140, 1), (244, 1),
)  # fmt: skip
"""Posts of a poster, and how many posters have so many; ``NO_USER`` is one of those of 88."""

POSTERS = sum(posters for _, posters in POSTER_SIZES)
"""Posters of a block, ``NO_USER`` among them: 5,307."""

FOLLOWER_FORMS = (("", 0.17, 3), ("k", 0.75, 3), ("M", 0.07, 2))
"""Suffix of follower_count, share of the posts, most digits of its number."""

TIMESTAMPS = (datetime(2017, 10, 19, 15, 13, 42), datetime(2022, 10, 19, 17, 54, 26))
"""First and last second of a post's timestamp; both occur."""
JOINED = (datetime(2015, 10, 21), datetime(2017, 10, 20, 23, 59, 59))
"""First and last second of date_joined as drawn, before the minimum is taken."""
AGES = (20, 60)
"""Least and greatest age as drawn."""

MAX_SCALE = int((TIMESTAMPS[1] - TIMESTAMPS[0]).total_seconds() + 1) // BLOCK
"""Greatest scale: every post needs a second of its own."""

FIXED_UNIQUE_ID = "fbe53c66-3442-4773-b19e-d3ec6f54dddf"
FIXED_TIMESTAMP = datetime(2020, 8, 28, 3, 52, 47)
