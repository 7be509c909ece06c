"""Everyday sentences on which an exported model is calibrated and compared with the original.

Written for this purpose: chat, reviews, searches, questions, numbers, a few other languages and scripts.
"""

_LONG_STORY = (
    "The old lighthouse keeper wrote a line in his book every evening for thirty-one years: wind, waves, ships, "
    "and whether the lamp had needed oil. When the light was made automatic he went on writing, because, he said, "
    "somebody ought to notice. The museum has eleven of the volumes. The other nine were lost in the flood, and "
    "he is said to have shrugged and begun again on a clean page with the date, the wind and the height of the "
    "water in the kitchen."
)

_LONG_REVIEW = (
    "I returned the jacket because the zip broke on the second day. The shop was friendly about it and offered "
    "either a replacement or my money back, so I took another one in blue. It's been fine for two months now, in "
    "rain as well, and the pockets are big enough for a book. Would I buy it again? At the sale price, yes; at "
    "the full price I'm not sure."
)

CALIBRATION: tuple[str, ...] = (
    "hey, how are you doing today?",
    "ok",
    "lol that's so true 😂",
    "I can't believe the game ended like that, what a goal in the last minute!",
    "cheap flights to Lisbon in March",
    "The battery died after two weeks and support never answered my emails.",
    "Best headphones I have ever owned: clear sound, light, and they last all day.",
    "what's the weather like tomorrow",
    "Could you tell me how to reset my password, please?",
    "my order #48213-B hasn't arrived yet, it was due on 12/05",
    "We adopted a rescue dog last spring; he was shy at first, but now he follows us everywhere.",
    "size 42 running shoes, wide fit",
    "I think that the new tax plan would hurt small businesses more than anybody wants to admit.",
    "no thanks",
    "Does this work with Android 14 and a USB-C charger?",
    "My grandmother's soup: onions, carrots, celery, a bay leaf, and a lot of patience.",
    "I'm so tired of meetings that could have been an email.",
    "gluten free bread recipe without yeast",
    "She plays the cello in a small orchestra and teaches children on Saturdays.",
    "terrible. never again.",
    "Thank you so much, you made my day!",
    "how do i get a refund if i paid with a gift card",
    "The film is too long by half an hour, though the actors do what they can with a thin script.",
    "When did the Roman Empire fall, and why?",
    "Wi-Fi keeps dropping every few minutes since the last firmware update.",
    "I've been learning to surf. Mostly I've been learning to fall.",
    "Delivery was fast, the box was crushed, the vase inside survived.",
    "k",
    "transfer 250 euros from savings to checking",
    "Is there a train to Kyoto after 10pm, or should I book a hotel?",
    "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen.",
    "that's not what I meant, sorry if it came across as rude",
    "New moon tonight, so the sky should be dark enough to see the Milky Way from the hills.",
    "Which laptop would you buy for a student who edits video now and then?",
    "!!!!!!",
    "The recipe calls for 2 1/2 cups of flour, 1 tsp of salt and 350 ml of warm water.",
    "haha yes, see you at 7",
    "The committee postponed its decision on the harbour until the environmental report has been published.",
    "jazz vinyl first pressing",
    "i feel like nobody listens when i say i need a break",
    "Je cherche un restaurant végétarien près de la gare.",
    "Das Paket ist beschädigt angekommen, was soll ich tun?",
    "¿Cuánto cuesta el envío a Canarias?",
    "这个产品质量很好。下次还会再买。",
    "配送が早くて助かりました。",
    "Спасибо, всё работает отлично!",
    _LONG_STORY,
    _LONG_REVIEW,
    "yesterday we drove up the coast with the windows down and the radio on, and for once nobody looked at a phone",
    "https://example.com/help?topic=billing",
    "SUMMER SALE: up to 70% OFF everything, this weekend only",
    "What's the difference between a virus and a bacterium?",
    "Interest rates went up a quarter of a point, so our mortgage costs ninety more a month.",
    "I love cats, but I'm allergic to them.",
    "goalkeeper gloves kids",
    "The nurse explained everything calmly, which helped more than the pills did.",
    "Play something by Nina Simone.",
    "Error 0x80070057 when installing updates on Windows 11",
    "my favorite season is autumn because of the colors and the quiet",
    "He never called back.",
    "How many calories are in a banana?",
    "We should talk about climate change at school much earlier than we do.",
    "cancel my subscription effective immediately",
    "It's a good phone. Not great, not bad, just good.",
)
