"""Every exact figure of the original's profile, on the generated rows.

The figures are written out here a second time, from the description of the original: they are
not taken from ``emulator.dataset.profile``.
"""

import hashlib
import re
import uuid
from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

import pytest

from contract import wire
from contract.entities import ENTITIES, GEO, PIN, USER
from emulator.dataset.generate import Block, blocks
from emulator.dataset.generators.layout import layout
from emulator.dataset.generators.people import draws
from tests.support.example_row import SENT

CATEGORIES = {
    "art": 892, "beauty": 746, "christmas": 999, "diy-and-crafts": 830, "education": 863,
    "event-planning": 748, "finance": 786, "home-decor": 861, "mens-fashion": 852, "quotes": 910,
    "tattoos": 970, "travel": 859, "vehicles": 838,
}  # fmt: skip
POSTER_SIZES = (
    "1:3869 2:640 3:272 4:156 5:88 6:65 7:36 8:35 9:22 10:25 11:11 12:9 13:8 14:8 15:6 16:5 17:1 "
    "18:7 19:5 20:3 21:3 23:1 24:4 26:1 28:3 30:1 31:1 32:1 35:3 36:1 38:1 44:1 45:2 47:1 49:1 "
    "53:1 54:1 60:1 68:1 81:1 86:2 88:2 140:1 244:1"
)
NULL_TYPES = [360, 4467, 4521, 4540, 4727, 4760, 4770]
STORY = "multi-video(story page format)"
NO_TAGS = "N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e"
EXAMPLE = {
    PIN: SENT[PIN],
    GEO: {**SENT[GEO], "timestamp": datetime(2020, 8, 28, 3, 52, 47)},
    USER: {**SENT[USER], "date_joined": datetime(2015, 10, 24, 11, 23, 51)},
}
BLOCK = 11154
DEFAULT_ROWS = "00ee18e4c7e098c274f763a263bd3220a6621dd7bc474cef0c1190905407c3c1"
"""SHA-256 of the rows of seed 100, with the names and countries of the locked Faker."""


@pytest.fixture(scope="module")
def block() -> Block:
    """The 11,154 posts of scale 1."""
    return next(blocks())


def _count(rows: list[dict[str, Any]], column: str, value: object) -> int:
    return sum(row[column] == value for row in rows)


def test_keys_have_no_gaps_and_columns_are_in_order(block: Block) -> None:
    for entity in ENTITIES:
        rows = block.rows(entity)
        assert [row[entity.key] for row in rows] == list(range(BLOCK))
        assert {tuple(row) for row in rows} == {entity.column_names}


def test_the_example_row(block: Block) -> None:
    for entity, row in EXAMPLE.items():
        assert block.rows(entity)[7528] == row


def test_categories_are_blocks_of_consecutive_keys(block: Block) -> None:
    assert [row["category"] for row in block.pin] == [
        category for category, posts in CATEGORIES.items() for _ in range(posts)
    ]
    assert {row["save_location"] == f"Local save in /data/{row['category']}" for row in block.pin}


def test_types_and_downloads(block: Block) -> None:
    assert Counter(row["is_image_or_video"] for row in block.pin) == {
        "image": 9920,
        STORY: 895,
        "video": 332,
        None: 7,
    }
    assert Counter(row["downloaded"] for row in block.pin) == {1: 10823, 0: 331}
    null = [row for row in block.pin if row["is_image_or_video"] is None]
    assert [row["index"] for row in null] == NULL_TYPES
    assert {(row["image_src"], row["downloaded"]) for row in null} == {(None, 0)}


def test_placeholders(block: Block) -> None:
    pin = block.pin
    assert _count(pin, "title", "No Title Data Available") == 88
    assert _count(pin, "poster_name", "User Info Error") == 88
    assert _count(pin, "follower_count", "User Info Error") == 88
    assert _count(pin, "tag_list", NO_TAGS) == 171
    assert _count(pin, "image_src", "Image src error.") == 323
    assert _count(pin, "image_src", None) == 7
    assert _count(pin, "description", "No description available Story format") == 895
    assert _count(pin, "description", "No description available") == 182
    for row in pin:
        story = row["description"] == "No description available Story format"
        assert story == (row["is_image_or_video"] == STORY)


def test_rows_that_fail_in_title_fail_in_all(block: Block) -> None:
    columns = [name for name in PIN.column_names if name not in ("index", "unique_id")]
    failed = [row for row in block.pin if row["title"] == "No Title Data Available"]
    same = {tuple(row[name] for name in columns[:8]) for row in failed}
    assert same == {tuple(EXAMPLE[PIN][name] for name in columns[:8])}


def test_posters(block: Block) -> None:
    posts = Counter(row["poster_name"] for row in block.pin)
    assert len(posts) == 5307
    sizes = {int(size): int(n) for size, n in (pair.split(":") for pair in POSTER_SIZES.split())}
    assert Counter(posts.values()) == sizes
    followers = defaultdict(set)
    for row in block.pin:
        followers[row["poster_name"]].add(row["follower_count"])
    assert {len(counts) for counts in followers.values()} == {1}
    assert len({name.strip().casefold() for name in posts}) == 5307, "names differ in letters"


def test_follower_counts(block: Block) -> None:
    counts = [row["follower_count"] for row in block.pin]
    assert all(re.fullmatch(r"[1-9]\d{0,2}[kM]?|User Info Error", count) for count in counts)
    shares = Counter(count[-1] if count[-1] in "kM" else "digits" for count in counts)
    assert shares["k"] / BLOCK == pytest.approx(0.75, abs=0.01)
    assert shares["M"] / BLOCK == pytest.approx(0.07, abs=0.01)
    assert (shares["digits"] - 88) / BLOCK == pytest.approx(0.17, abs=0.01)


def test_geo_and_user_are_the_minimum_over_each_posters_draws(block: Block) -> None:
    drawn = draws(100, 0, sorted(layout(100, 0).failed))
    own: dict[str, list[int]] = defaultdict(list)
    for row in block.pin:
        own[row["poster_name"]].append(row["index"])
    columns = ((GEO, ("latitude", "longitude", "country")),
               (USER, ("first_name", "last_name", "age", "date_joined")))  # fmt: skip
    for entity, names in columns:
        for name in names:
            values = [getattr(person, name) for person in drawn]
            least = {key: min(values[k] for k in keys) for keys in own.values() for key in keys}
            assert [row[name] for row in block.rows(entity)] == [least[k] for k in range(BLOCK)]


def test_what_is_drawn(block: Block) -> None:
    drawn = draws(100, 0, sorted(layout(100, 0).failed))
    ages = Counter(person.age for person in drawn)
    assert sorted(ages) == list(range(20, 61))
    assert max(ages.values()) < 2 * min(ages.values()), "uniform, about"
    assert min(p.date_joined for p in drawn) < datetime(2015, 10, 22)
    assert datetime(2017, 10, 20) <= max(p.date_joined for p in drawn) < datetime(2017, 10, 21)
    assert all(float(f"{p.latitude:.6g}") == p.latitude for p in drawn)
    assert all(float(f"{p.longitude:.6g}") == p.longitude for p in drawn)
    assert -90 <= min(p.latitude for p in drawn) < -89.9
    assert 89.9 < max(p.latitude for p in drawn) <= 90
    assert -180 <= min(p.longitude for p in drawn) < -179.9
    assert 179.9 < max(p.longitude for p in drawn) <= 180


def test_busy_posters_lead_the_results(block: Block) -> None:
    poster, posts = Counter(row["poster_name"] for row in block.pin).most_common(1)[0]
    keys = [row["index"] for row in block.pin if row["poster_name"] == poster]
    assert posts == 244
    assert {block.user[key]["age"] for key in keys} == {20}
    assert {block.geo[key]["country"][0] for key in keys} == {"A"}


def test_countries(block: Block) -> None:
    countries = {row["country"] for row in block.geo}
    assert len(countries) == 243
    assert "Macedonia" in countries
    assert "North Macedonia" not in countries


def test_timestamps(block: Block) -> None:
    stamps = sorted(row["timestamp"] for row in block.geo)
    assert len(set(stamps)) == BLOCK
    assert stamps[0] == datetime(2017, 10, 19, 15, 13, 42)
    assert stamps[-1] == datetime(2022, 10, 19, 17, 54, 26)
    per_tenth = Counter(int((s - stamps[0]) / (stamps[-1] - stamps[0]) * 9.999) for s in stamps)
    assert min(per_tenth.values()) > 0.8 * BLOCK / 10


def test_texts_are_dirty_on_purpose(block: Block) -> None:
    titles = [row["title"] for row in block.pin]
    descriptions = [row["description"] for row in block.pin]
    names = {row["poster_name"] for row in block.pin}
    tags = [row["tag_list"] for row in block.pin if row["tag_list"] != NO_TAGS]
    assert {"", ".", "Untitled"} < set(titles)
    assert any("\n" in title for title in titles)
    assert any('"' in title for title in titles)
    assert sum(not t.isascii() for t in titles) / BLOCK == pytest.approx(0.10, abs=0.01)
    assert sum(not d.isascii() for d in descriptions) / BLOCK == pytest.approx(0.43, abs=0.02)
    assert sum(d.endswith("…") for d in descriptions) / BLOCK == pytest.approx(0.34, abs=0.02)
    assert max(map(len, descriptions)) == 180
    assert any("\u00a0" in d for d in descriptions)
    assert max(map(len, names)) == 268
    assert sum(n.endswith(" ") for n in names) / 5307 == pytest.approx(0.02, abs=0.005)
    assert any("|" in n for n in names)
    assert any(re.search("[а-я]", n) for n in names)  # noqa: RUF001
    assert {tag.count(",") for tag in tags} == {8}
    assert max(map(len, tags)) <= 247
    assert all(len(set(tag.split(","))) == 9 for tag in tags)
    images = {row["image_src"] for row in block.pin} - {None, "Image src error."}
    assert all(image.startswith("https://") for image in images)


def test_unique_ids_are_uuids_of_version_4(block: Block) -> None:
    ids = [row["unique_id"] for row in block.pin]
    assert len(set(ids)) == BLOCK
    assert {uuid.UUID(text).version for text in ids} == {4}
    assert all(str(uuid.UUID(text)) == text for text in ids)


def test_the_same_seed_gives_the_same_bytes(block: Block) -> None:
    digest = hashlib.sha256()
    for entity in ENTITIES:
        for row in block.rows(entity):
            digest.update(wire.dumps(wire.wire_row(entity, row)).encode())
    assert digest.hexdigest() == DEFAULT_ROWS, "raise load.PROFILE when this changes on purpose"


def test_another_seed_gives_other_rows_of_the_same_profile(block: Block) -> None:
    other = next(blocks(seed=7))
    test_types_and_downloads(other)
    test_placeholders(other)
    test_posters(other)
    test_the_example_row(other)
    same = sum(a == b for a, b in zip(block.pin, other.pin, strict=True))
    assert same == 1, "the example row only"


def test_scale_repeats_the_profile_with_other_posts(block: Block) -> None:
    first, *more = blocks(scale=3)
    assert first == block, "the first block doesn't depend on the scale"
    every = [first, *more]
    for number, later in enumerate(more, start=1):
        keys = list(range(number * BLOCK, (number + 1) * BLOCK))
        for entity in ENTITIES:
            assert [row[entity.key] for row in later.rows(entity)] == keys
        types = Counter(row["is_image_or_video"] for row in later.pin)
        assert types == {"image": 9920, STORY: 895, "video": 332, None: 7}
        test_placeholders(later)
        sizes = Counter(Counter(row["poster_name"] for row in later.pin).values())
        assert sizes[1] == 3869
        assert sizes[244] == 1
    posters = [{row["poster_name"] for row in each.pin} for each in every]
    assert posters[0] & posters[1] == posters[1] & posters[2] == {"User Info Error"}
    for column, rows in (("unique_id", "pin"), ("timestamp", "geo")):
        values = [row[column] for each in every for row in getattr(each, rows)]
        assert len(set(values)) == 3 * BLOCK
    failed = {
        (row["country"], row["latitude"], row["longitude"])
        for each in every
        for row, pin in zip(each.geo, each.pin, strict=True)
        if pin["poster_name"] == "User Info Error"
    }
    assert failed == {("Albania", -89.9787, -173.293)}
