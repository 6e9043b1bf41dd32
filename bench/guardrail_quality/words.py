# ruff: noqa: RUF001
"""Names, hosts and neutral sentences: what stands around the values."""

from __future__ import annotations

GIVEN = (
    "Anna", "Bjorn", "Chloe", "Dmitri", "Elena", "Farid", "Giulia", "Hannah", "Igor", "Jasmin",
    "Kenji", "Lucia", "Mehmet", "Nadia", "Oscar", "Priya", "Quentin", "Rosa", "Stefan", "Tomasz",
    "Ulla", "Victor", "Wei", "Yusuf", "Zoe",
)  # fmt: skip
FAMILY = (
    "Almeida", "Becker", "Costa", "Dubois", "Eriksson", "Ferrari", "Garcia", "Hoffmann", "Ivanov",
    "Jansen", "Kowalski", "Lopez", "Moretti", "Nowak", "Olsen", "Petrov", "Quinn", "Rossi",
    "Schmidt", "Tanaka", "Ueda", "Vermeer", "Wagner", "Yilmaz", "Zimmer",
)  # fmt: skip
HOSTS = (
    "bluewave", "kornfeld", "nordlicht", "fastpost", "openmed", "verdant", "halcyon", "stadtwerk",
    "quarry", "lumen",
)  # fmt: skip

CARRIERS: dict[str, tuple[str, ...]] = {
    "en": ("My {cue} is {value}.", "{cue}: {value}", "Hi, could you check {cue} {value} for me?",
           "Please change the {cue} on file to {value} before Friday.", "{cue} = {value}",
           "For the record, the {cue} we hold for her is {value}, nothing else."),
    "de": ("Meine {cue} lautet {value}.", "{cue}: {value}", "Bitte prüfen Sie {cue} {value}.",
           "Im Vertrag steht als {cue} {value}, stimmt das?"),
    "fr": ("Mon {cue} est {value}.", "{cue} : {value}", "Pouvez-vous vérifier {cue} {value} ?"),
    "es": ("Mi {cue} es {value}.", "{cue}: {value}", "Por favor, revise {cue} {value}."),
    "it": ("Il mio {cue} è {value}.", "{cue}: {value}", "Potete controllare {cue} {value}?"),
    "nl": ("Mijn {cue} is {value}.", "{cue}: {value}", "Kunt u {cue} {value} nakijken?"),
    "pl": ("Mój {cue} to {value}.", "{cue}: {value}", "Proszę sprawdzić {cue} {value}."),
    "pt": ("Meu {cue} é {value}.", "{cue}: {value}", "Pode verificar {cue} {value}?"),
    "sv": ("Mitt {cue} är {value}.", "{cue}: {value}"),
    "fi": ("{cue} on {value}.", "{cue}: {value}"),
    "da": ("Mit {cue} er {value}.", "{cue}: {value}"),
    "no": ("Mitt {cue} er {value}.", "{cue}: {value}"),
    "zh": ("我的{cue}是{value}。", "{cue}：{value}", "请帮我查一下{cue}{value}，谢谢"),
    "ja": ("{cue}は{value}です。", "{cue}：{value}"),
    "ko": ("제 {cue}는 {value}입니다.", "{cue}: {value}"),
    "ru": ("Мой {cue}: {value}.", "{cue} {value}"),
}  # fmt: skip
ANY_CARRIER = ("{cue}: {value}", "{cue} {value}", "{cue} – {value}")
BARE = ("{value}", "Here you go: {value}", "It is {value}, thanks!", "{value} is what I was given.",
        "See below.\n\n{value}\n\nThanks", "old one expired, use {value} instead")  # fmt: skip

FILLER = (
    "The parcel never arrived and nobody answers the ticket.",
    "We deployed version 4.12.1 on Monday and error rates fell by 37%.",
    "Could you summarise the attached contract in three bullet points?",
    "Order 4471-2290-11 was placed on 2026-03-14 at 09:41.",
    "Je vous remercie d'avance pour votre réponse.",
    "Vielen Dank für Ihre schnelle Antwort!",
    "La reunión se aplaza al martes a las 16:30.",
    "The invoice total is 1,249.00 EUR including 19% VAT.",
    "请在周五之前回复。",
    "It has been raining since Tuesday and the match was moved to pitch 3.",
    "Chapter 12 covers pages 310 to 355 of the second edition.",
    "Ticket INC-20931 was reopened by the on-call team.",
)  # fmt: skip
