"""The words that posts are made of. Every text is put together from these: none is anyone's."""

QUALITIES = (
    "Easy", "Modern", "Simple", "Cozy", "Rustic", "Bold", "Vintage", "Bright", "Quiet", "Clever",
    "Budget", "Elegant", "Playful", "Handmade", "Classic", "Tiny", "Weekend", "Seasonal",
)  # fmt: skip

SUBJECTS = {
    "art": (
        "Watercolor Studies", "Ink Sketches", "Clay Figures", "Canvas Ideas", "Paper Collage",
        "Mural Plans", "Pencil Portraits", "Glass Painting", "Color Wheels", "Print Making",
    ),
    "beauty": (
        "Nail Designs", "Hair Braids", "Skin Care", "Eye Makeup", "Lip Colors", "Spa Nights",
        "Curly Hair", "Face Masks", "Perfume Notes", "Brush Sets",
    ),
    "christmas": (
        "Tree Ornaments", "Gift Wrapping", "Door Wreaths", "Cookie Tins", "Table Settings",
        "Advent Calendars", "Stocking Fillers", "Paper Stars", "Candle Holders", "Garlands",
    ),
    "diy-and-crafts": (
        "Yarn Projects", "Wood Crafts", "Paper Flowers", "Bead Bracelets", "Felt Animals",
        "Sewing Patterns", "Candle Making", "Jar Lanterns", "Macrame Knots", "Button Art",
    ),
    "education": (
        "Lesson Plans", "Reading Games", "Math Centers", "Science Fairs", "Spelling Lists",
        "Classroom Doors", "Study Notes", "Phonics Cards", "Map Puzzles", "Quiz Boards",
    ),
    "event-planning": (
        "Party Themes", "Seating Charts", "Guest Lists", "Balloon Arches", "Wedding Menus",
        "Picnic Baskets", "Invitations", "Stage Lights", "Dessert Tables", "Photo Corners",
    ),
    "finance": (
        "Savings Charts", "Budget Sheets", "Debt Trackers", "Side Incomes", "Bill Calendars",
        "Index Funds", "Money Habits", "Tax Folders", "Pension Plans", "Cash Envelopes",
    ),
    "home-decor": (
        "Living Rooms", "Shelf Styling", "Entry Halls", "Bedroom Colors", "Kitchen Corners",
        "Plant Stands", "Wall Panels", "Window Seats", "Rug Layers", "Reading Nooks",
    ),
    "mens-fashion": (
        "Denim Jackets", "Linen Shirts", "Office Outfits", "Leather Boots", "Wool Coats",
        "Summer Suits", "Knit Ties", "Canvas Sneakers", "Field Watches", "Rain Layers",
    ),
    "quotes": (
        "Morning Lines", "Kind Words", "Short Sayings", "Letters Home", "Small Truths",
        "Brave Thoughts", "Wall Quotes", "Journal Prompts", "Love Notes", "Funny Lines",
    ),
    "tattoos": (
        "Line Tattoos", "Floral Sleeves", "Wrist Designs", "Mountain Ink", "Script Tattoos",
        "Tiny Symbols", "Ankle Bands", "Moon Phases", "Wave Ink", "Compass Ideas",
    ),
    "travel": (
        "Island Routes", "Train Journeys", "Packing Lists", "City Walks", "Mountain Huts",
        "Coastal Drives", "Hidden Beaches", "Street Markets", "Camper Vans", "Night Skies",
    ),
    "vehicles": (
        "Camper Builds", "Classic Cars", "Trail Bikes", "Road Cruisers", "Garage Plans",
        "Pickup Trucks", "Engine Swaps", "Boat Decks", "Scooter Paint", "Rally Stripes",
    ),
}  # fmt: skip
"""Category: what its posts are about."""

PURPOSES = (
    "for Beginners", "for Small Spaces", "for the Weekend", "You Can Make Today", "on a Budget",
    "to Save for Later", "in Five Steps", "for Every Season", "That Always Work", "to Try Next",
)  # fmt: skip

SENTENCES = (
    "A short list of {} with photos and notes.",
    "We tried {} at home and wrote down what went well.",
    "Everything that you need to know about {} before you start.",
    "Our readers sent in their {} and these were the best.",
    "Save this for the day when {} come up again.",
    "It takes one afternoon and little money.",
    "Pick two colors and keep to them.",
    "The full list of materials is on the page.",
    "No tools are needed beside a pair of scissors.",
    "Ask a friend to help with the last step.",
    "Tell us how yours came out.",
    "Start small and take your time.",
)
"""``{}`` is what the post is about."""

EMOJI = ("✨", "🎄", "💡", "🌿", "🚗", "💕", "🖤", "📌", "☀️", "🎨")
NO_BREAK_SPACE, ELLIPSIS = "\u00a0", "…"

POSTER_FIRST = (
    "Amber", "Birch", "Cedar", "Coral", "Copper", "Dahlia", "Ember", "Fern", "Ginger", "Golden",
    "Harbor", "Hazel", "Indigo", "Ivory", "Jade", "Juniper", "Lemon", "Linen", "Lunar", "Maple",
    "Mellow", "Misty", "Northern", "Olive", "Opal", "Pebble", "Pepper", "Pine", "Plum", "Quartz",
    "Rosy", "Saffron",
)  # fmt: skip
POSTER_SECOND = (
    "Acorn", "Anchor", "Basket", "Bloom", "Bridge", "Brook", "Button", "Canyon", "Cottage",
    "Feather", "Field", "Fox", "Garden", "Harvest", "Heron", "Hill", "Island", "Kettle",
    "Lantern", "Meadow", "Nest", "Orchard", "Otter", "Petal", "Pocket", "River", "Robin",
    "Sparrow", "Stone", "Thread", "Willow", "Window",
)  # fmt: skip
POSTER_THIRD = (
    "Studio", "Home", "Journal", "Workshop", "Design", "Living", "Notes", "Kitchen", "Supply",
    "Collective", "House", "Made", "Diary", "Press", "Works", "Ideas",
)  # fmt: skip
"""Powers of two in number, so that an odd step visits every combination (``posters.name``)."""
CYRILLIC = ("Студия", "Мастерская", "Дом и сад", "Идеи для дома")
