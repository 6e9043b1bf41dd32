"""Word lists of the `regex` presets that are about people and dangers. Some are unpleasant to read.

The lists name groups, traits and dangers so that a rule can see them mentioned; a mention is all
they tell. `content-moderation` is the type that weighs what is said about them.
Each list is one expression: a space stands for one to three of any, `@` for an ending of up to
three letters. Case does not matter; words stand alone.
"""

from __future__ import annotations

WORDS = {
    "gender_sexual_orientation": "gender identit@|sexual orientation|transgender|transsexual@"
    "|non-?binary|cisgender|intersex|bisexual@|homosexual@|heterosexual@|lesbian@|gay|lgbtq?"
    "|same-sex|pansexual@|asexual@|genderqueer",
    "race_ethnicity_national_origin": "ethnicit@|ethnic@|racial(?:ly)?|national origin|skin color"
    "|skin colour|african[ -]americans?|caucasians?|hispanics?|latinos?|latinas?|latinx"
    "|asian[ -]americans?|native americans?|indigenous|pacific islanders?|biracial|multiracial"
    "|people of color|person of color",
    "religion": "religion@|religious@|christian@|catholic@|protestant@|muslim@|islam|islamic|jewish"
    "|judaism|jews?|hindu|hindus|hinduism|buddhis@|sikh@|atheis@|agnostic@|mormon@"
    "|jehovah(?:'?s)? witness@|mosques?|synagogues?",
    "age_discrimination": "too old|too young|over the hill|age discrimination|ageis@"
    "|young and energetic|digital natives?|recent graduates? only|over (?:40|45|50|55|60)s?"
    "|under (?:30|35|40)s?|maximum age|age limit|elderly applicants?",
    "disability": "disabilit@|disabled|handicap@|wheelchair@|impairment@|blindness|deafness"
    "|autis@|dyslexi@|paraplegi@|quadriplegi@|special needs|mental(?:ly)? ill(?:ness@)?"
    "|chronic illness@|bipolar disorder|adhd",
    "marital_family_status": "marital status|married|unmarried|divorce@|widow|widows|widower@"
    "|single mothers?|single fathers?|single parents?|pregnan(?:t|cy|cies)|maternity leave"
    "|paternity leave|childless|family status|have children|planning (?:a family|children)",
    "military_status": "veteran@|military status|military service|active duty|national guard"
    "|reservist@|honorable discharge|dishonorable discharge|armed forces|army reserve",
    "public_assistance": "public assistance|food stamps|welfare (?:benefits?|recipients?)|medicaid"
    "|section 8|housing vouchers?|unemployment benefits?|social assistance|tanf|ebt card"
    "|supplemental security income",
    "weapons_firearms": "firearms?|handguns?|shotguns?|rifles?|pistols?|revolvers?|machine guns?"
    "|assault weapons?|submachine guns?|ghost guns?|ammunition|silencers? for (?:a|the) guns?"
    "|ar-?15s?|ak-?47s?|glock@",
    "weapons_other": "switchblade@|brass knuckles|machetes?|crossbows?|nunchucks?|stun guns?"
        "|tasers?"
    "|pepper spray|daggers?|combat kni(?:fe|ves)|throwing stars?|chemical weapons?"
    "|biological weapons?|nerve agents?|sarin|ricin",
    "explosives": "explosives?|bombs?|bomb-?making|detonators?|dynamite|grenades?|land[ -]mines?"
        "|landmines?"
    "|c-?4 explosive|semtex|tnt|pipe bombs?|molotov(?: cocktails?)?|ied|ieds|ammonium nitrate"
    "|blasting caps?|thermite",
    "violence_threats": "(?:i|we)(?:'ll| will| am going to| are going to|'m going to) (?:kill|hurt"
    "|stab|shoot|beat|murder|attack|strangle) (?:you|him|her|them|everyone)@"
    "|you(?:'re| are) (?:dead|going to die)|death threats?|beat (?:you|him|her|them) up"
    "|going to make (?:you|him|her|them) suffer",
    "terrorism": "terroris@|jihad@|suicide bomb@|car bombs?|extremis@ group@|isis|isil|al[ -]qaeda"
    "|boko haram|radicali[sz]@|mass casualt@|beheading@",
    "self_harm_suicide": "suicid@|self[- ]harm@|kill(?:ing)? (?:my|your)self|end(?:ing)? my life"
    "|cut(?:ting)? myself|want to die|take my own life|hurt(?:ing)? myself|overdose@",
    "illegal_activities": "money launder@|drug deal@|drug traffick@|human traffick@|tax evasion"
    "|counterfeit@|identity theft|insider trading|bribe@|embezzl@|smuggl@|ransomware"
    "|credit card fraud|stolen (?:cards?|goods|credit cards?)|hitm[ae]n|child labor|cocaine|heroin"
    "|methamphetamine@|fentanyl",
    "harassment_hate": "hate speech|harass@|bully@|stalk(?:ing|ed|er|ers)|racial slurs?|ethnic"
        " slurs?"
    "|white suprem@|white power|nazis?|neo-?nazis?|ku klux klan|kkk|go back to your country"
    "|you people are|inferior race|subhuman@",
}  # fmt: skip


def expression(words: str) -> str:
    """One expression of a list."""
    written = words.replace("@", r"\w{0,3}").replace("[ -]", "[-\\s]").replace(" ", r"\s{1,3}")
    return rf"\b(?:{written})\b"
