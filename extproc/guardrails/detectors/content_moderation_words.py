"""The lexicon of the `content-moderation` guardrail. WARNING: parts of it are offensive.

It lists what must be recognised: threats, insults, slurs, acts. It is short on purpose, in stems,
and holds no sentence that is worth repeating. Read it only if you mean to change it.

By category and severity (2 low, 4 medium, 6 high). A phrase is words with spaces between, in the
mini-language of `content_moderation_phrases`: `(a|b)` one of them, `[a|b]` one of them or nothing,
`@` an ending of up to four letters, `{name}` a list of WORDS. English first, then a little German,
French and Spanish. Accents, case and letters written as digits (`k1ll`) do not matter.
"""

from __future__ import annotations

WORDS = {
    "group": "jews|jew|muslims|muslim|christians|blacks|black people|whites|white people|asians"
    "|arabs|gays|gay people|lesbians|homosexuals|trans people|immigrants|migrants|refugees"
    "|foreigners|mexicans|africans|indians|gypsies|roma|women|disabled people|auslander"
    "|juden|muslime|juifs|musulmans|judios|musulmanes",
    "person": "you|him|her|them|someone|somebody|everyone|everybody|people|my wife|my husband"
    "|my boss|my ex|my neighbo(r|ur)|my mother|my father|my brother|my sister|that bitch"
    "|a person|another person",
    "will": "will|ll|m going to|am going to|m gonna|gonna|want to|wanna|would love to|re going to"
    "|are going to",
    "make": "make|build|construct|assemble|create",
}

# One phrase for each verb: as alternatives of one expression they cost twice as much (measured).
_OF_EACH_GROUP = tuple(
    f"{verb} (all|the|every) [the|of the] {{group}}"
    for verb in ("kill", "exterminate", "gas", "deport and kill", "wipe out", "lynch", "shoot",
                 "burn")
)  # fmt: skip
_OF_CHILDREN = tuple(
    f"{what} (with|of) [a|an|my] (minor|child|children|underage|toddler|young girl|young boy)@"
    for what in ("sex", "sexual acts", "nudes", "naked pictures")
)

LEXICON: dict[str, dict[int, tuple[str, ...]]] = {
    "Hate": {
        2: ("master race", "racial purity", "great replacement", "illegals", "neger@", "sudaca@",
            "marica@", "overlander@"),
        4: ("(i|we) (hate|despise) [all] [the] {group}", "{group} are [all] (criminals|rapists|"
            "terrorists|stupid|disgusting|dirty|inferior|liars|thieves)", "white power",
            "heil hitler", "sieg heil", "go back to your [own] country", "inferior (race|races)",
            "race traitor@", "untermensch@", "auslander raus", "kanake@", "fag(got|gots|s)",
            "kike@", "spic(s)", "chink(s)", "wetback@", "raghead@", "towelhead@", "trann(y|ies)",
            "sale (juif|arabe|noir)@", "bougnoul@", "moros de mierda"),
        6: (*_OF_EACH_GROUP, "death to [all] [the] {group}", "{group} (are|is) [all]"
            " (vermin|subhuman|parasites|cockroaches|animals|a disease|a plague|filth)",
            "{group} (should|must|deserve to) [all] (die|be killed|be exterminated|be gassed|"
            "be shot)", "(will|shall) not replace us", "nigg(er|ers|a|as)", "mort aux {group}",
            "muerte a los {group}", "judensau", "(juden|auslander) (vergasen|toten|umbringen)"),
    },
    "SelfHarm": {
        2: ("suicid(e|al)", "self harm@", "selbstmord@", "suizid@", "suicidio@", "autolesion@"),
        4: ("(i|really|just) (want to|wanna) die", "wish i (was|were) dead",
            "(better off|rather be) dead", "(no|any) reason to live",
            "(cut|cutting|hurt|hurting|starve|starving|burn|burning) myself", "commit@ suicide",
            "overdose on", "thinspo@", "pro ana", "(do not|don t) want to (live|be alive)",
            "nicht mehr leben", "ritze mich", "envie de mourir", "quiero morir@",
            "me faire du mal"),
        6: ("(kill|killing|hang|hanging|shoot|drown) myself", "end@ (my [own] life|it all)",
            "tak(e|ing) my own life", "(painless|easiest|quickest|best) (way|ways|method@) (to"
            " die|to commit suicide|of suicide)", "suicide (method@|pact@|note for me)",
            "(slit|cut|cutting)@ my wrist@", "(kill|hang|unalive) (yourself|urself|ur self)",
            "unalive myself", "(kill|hang|unalive)(yourself|urself|myself)",
            "ich bring@ mich um", "ich will sterben", "je veux mourir",
            "mich (umbringen|umzubringen|toten)",
            "mir das leben nehmen", "me suicider", "me tuer", "en finir avec la vie",
            "suicidarme", "matarme", "quitarme la vida"),
    },
    "Sexual": {
        2: ("porn(o|ography|ographic)", "erotic@", "nud(es|ity)", "orgasm@", "masturbat@",
            "sex scene@", "(strip club|stripper)@", "bondage", "film porno", "nacktbild@"),
        4: ("(hardcore|explicit) (porn|sex|nudes)@", "send [me] nudes", "(blow|hand) job@",
            "(blow|hand)job@", "fuck (me|her|him) (hard|now|slow)@", "sex(ting)@ with me",
            "(horny|naked) (teen|girl|girls|boys|women|milf)@", "cum(shot|ming) [on]",
            "(gang bang|gangbang)@", "deepthroat@", "incest@",
            "(undress|remove the clothes of) (her|him|this"
            " woman|this girl)", "deepfake (porn|nude)@", "ficken", "fotos desnuda@", "follar@"),
        6: ("(child|kiddie|kinder|kid) porn(ography|ographic|o|s|)",
            *_OF_CHILDREN,
            "(underage|preteen|child|minor) (sex|nudes|naked|erotic|girl naked)@", "kinderporn@",
            "pedopornograph@", "pornografia infantil", "rape (fantas|her|him|porn)@",
            "sex with [a|an] 1(0|1|2|3|4|5|6|7) year old@", "bestiality",
            "zoophil@", "loli(con)"),
    },
    "Violence": {
        2: ("(mass|school) shooting@", "massacre@", "tortur(e|ed|ing)", "blood everywhere",
            "bloodbath@", "murder@", "amoklauf@", "umbringen", "assassinat@", "asesinar@"),
        4: ("(kill|murder|stab|strangle|behead|shoot|suffocate|poison) {person}",
            "beat@ (him|her|them|you) (to death|up badly)", "behead(ed|ing|ings)",
            "dismember(ed|ing)", "disembowel@", "gouge@ (out|his|her|their)", "abstechen",
            "zu tode (prugeln|qualen)", "egorger@", "degollar@", "curb stomp@"),
        6: ("(i|we|he|she|they) {will} (kill|murder|stab|shoot|strangle|behead|slaughter|hurt|maim)"
            " [all] [of] {person}", "(shoot up|blow up|bomb) (the|a|my|this|your) (school|office|"
            "church|mosque|synagogue|building|mall|airport|hospital)",
            "how (to|do i|can i|would i) (kill|"
            "murder|poison|strangle|get away with killing) {person}", "slit (his|her|your|their)"
            " throat@", "(burn|skin|bury) (him|her|them|you) alive",
            "ich (bring|bringe|werde) (dich|"
            "ihn|sie|euch) (um|umbringen|toten)", "je vais (te|le|la|les) (tuer|buter|egorger)",
            "te voy a matar", "voy a matar@ (a|te|lo|la)"),
    },
    "Harassment": {
        2: ("(you|your) [re|are] [such] [a|an] (idiot|moron|loser|pathetic|ugly|stupid)@",
            "stupid (bitch|idiot|cow)@", "fuck (you|off)", "f ck you",
            "shut (the fuck|the hell) up", "bitch@",
            "you ll regret this",
            "halt die fresse", "ferme ta gueule", "callate idiota", "hurensohn@", "arschloch@"),
        4: ("you (re|are) [a|so|completely] (worthless|disgusting|pathetic|useless|nothing|waste of"
            " space|piece of)@", "(nobody|no one) (likes|loves|wants|would miss) you",
            "everyone hates you", "piece of (shit|trash|garbage)", "i know where you live",
            "(we|i) (will|ll) (find|hunt|get) you (and|down|wherever)",
            "(dox|doxx|doxing|doxxing) (him|her|them|this|someone)",
            "du bist wertlos", "ich wei(ss|ß) wo du wohnst", "tu (es|n es) (nul|rien|inutile)@",
            "eres (inutil|patetic|basura)@", "nadie te quiere"),
        6: ("(kill|hang|unalive) (yourself|urself|ur self)", "kys",
            "(kill|hang|unalive)(yourself|urself)",
            "(i|we) hope you (die|get raped|get cancer|suffer)",
            "you (should|deserve to|ought to) (die|be dead|be raped|kill yourself)", "go [and|and"
            " just] die", "the world [would be] [is] better [off] without you",
            "(i|we) {will} (rape|ruin|destroy|hurt) you", "bring dich um", "geh sterben",
            "va (mourir|crever)", "suicide toi", "ojala te mueras", "matate"),
    },
    "Weapons": {
        2: ("ghost gun@", "bump stock@", "switchblade@", "brass knuckles", "sprengstoff@"),
        4: ("pipe bomb@", "nail bomb@", "3d print@ (gun|guns|firearm|pistol|receiver)@",
            "molotov [cocktail]@", "nerve agent@", "improvised explosive@", "thermite recipe@",
            "(buy|get) (a gun|guns|firearms) (without|illegally|on the dark)@", "sprengsatz@",
            "detonator@", "ammonium nitrate (and|fuel)@"),
        6: ("{make} (a|an|the|some|your|my) [homemade|pipe|dirty|nail|fertilizer|car|small]"
            " (bomb|explosive|detonator|grenade)@", "bomb making (instruction|recipe|guide)@",
            "(untraceable|unregistered) (gun|firearm|rifle|pistol)@",
            "(convert|make it|make a rifle)"
            " [a|an|my|the] [ar 15|glock|rifle|gun] [to|into] full(y|) auto@",
            "(synthesi(s|z)e|make|produce|cook) (sarin|ricin|vx|mustard gas|nerve gas|tatp"
            "|anthrax)",
            "bombe(n|) (bauen|basteln)", "fabriquer une bombe", "(fabricar|hacer) una bomba"),
    },
    "Illegal": {
        2: ("money laundering", "human trafficking", "shoplift@", "insider trading", "ransomware",
            "geldwasche", "drogenhandel", "blanchiment"),
        4: ("launder@ (money|cash|the money)", "(fake|forged|counterfeit) (passport|id|ids|money|"
            "bills|license|prescription|visa)@", "(buy|sell|selling|order) (cocaine|heroin|meth|"
            "fentanyl|mdma|stolen|drugs online)@", "stolen (card|credit card)@",
            "hack [into] (someone|my|"
            "his|her|their|a|an|another)@ [ex|ex s|girlfriend|boyfriend|wife|neighbor] (account|"
            "phone|email|bank|instagram|facebook|wifi)@", "(evade|dodge|cheat on) [my|your|paying]"
            " tax@", "hotwire a car",
            "(deploy|write|create|build) (ransomware|malware|a keylogger)",
            "drogen (verkaufen|dealen)", "falsche@ pass", "blanchir de l argent", "faux passeport@",
            "lavar dinero", "pasaporte falso"),
        6: ("(hire|find|pay) [a] (hitman|hitmen|hit man)",
            "(hide|dispose of|get rid of) (a|the) [dead] body",
            "(cook@|make|making|manufacture) (meth|crystal meth|methamphetamine)@",
            "synthesi(s|z)@ (meth|methamphetamine|fentanyl|mdma|lsd|heroin)@", "(buy|sell) [a]"
            " (child|children|kidney|human organ|slave)@", "(smuggle|traffic) (people|women|"
            "children|girls|humans)", "auftragskiller@ (finden|bezahlen|engagieren)"),
    },
}  # fmt: skip

LOWERING = (
    "doctor|physician|patient|patients|clinic|clinical|hospital|therap\\w{1,8}|diagnos\\w{1,6}"
    "|medical|medicine|medication|symptom\\w{0,6}|health|prevent\\w{0,6}|awareness|hotline|helpline"
    "|support|counsel\\w{0,6}|survivor\\w{0,2}|victim\\w{0,2}|statistic\\w{0,3}|rate|rates|study"
    "|studies|research\\w{0,4}|news|report\\w{0,4}|journalis\\w{1,4}|article|headline\\w{0,1}|court"
    "|trial|convicted|sentenced|charged|arrested|police|investigat\\w{1,6}|witness\\w{0,3}|law|laws"
    "|histor\\w{1,6}|museum|war|documentar\\w{1,3}|education\\w{0,2}|teacher|lesson|curriculum"
    "|essay|novel|fiction\\w{0,2}|character|characters|chapter|plot|story|stories|scene|movie|film"
    "|game|games|player|players|npc|boss fight|lyrics|poem|quote\\w{0,1}|metaphor\\w{0,4}|joke"
    "|policy|policies|moderat\\w{1,4}|guideline\\w{0,1}|classif\\w{1,6}|detect\\w{0,4}|dataset"
    "|patientin|arzt|klinik|hilfe|beratung|nachricht\\w{0,2}|bericht\\w{0,3}|roman|geschichte"
    "|medecin|hopital|journal|roman|histoire|medico|noticia\\w{0,1}|novela|historia|pelicula"
)
"""Words beside a phrase that make it a report, a story, help or a lesson: severity two lower."""

RAISING = (
    "how (?:to|do i|can i)|step by step|instructions? (?:for|to)|teach me|show me how|tell me how"
    "|tutorial|recipe for|where (?:can|do) i (?:buy|get|find)|without (?:getting caught|being"
    " caught"
    "|anyone knowing)|get away with|tonight|tomorrow|right now|i swear|i promise|i mean it|my plan"
    "|i ve decided|you deserve|wie (?:kann|baue) ich|anleitung|comment (?:faire|puis je)"
    "|como (?:puedo|hago|hacer)|esta noche|ce soir|heute nacht"
)
"""Words beside a phrase that ask for instructions or tell an intent: severity two higher."""

TECHNICAL = (
    "process|processes|pid|pkill|sigkill|daemon|daemons|subprocess|goroutine|cron|chess|pawn"
    "|checkmate|an (?:email|e mail|sms)"
    "|a (?:quick |short )?(?:message|text|note|line|dm|link|mail)"
)
"""Words beside a phrase of violence that make it jargon: severity four lower."""
