"""English: what is said to a model to make it forget its instructions and answer whatever is asked.

Weights: 40 is a violation at medium sensitivity on its own; smaller ones need company.
"""

from __future__ import annotations

from extproc.guardrails.detectors.prompt_injection.phrase import OVERRIDE, Phrase

_DROP = (
    "ignore|disregard|forget|override|overrule|overwrite|neglect|discard|bypass|cancel|revoke|void"
    "|erase|scrap|skip|dismiss|abandon|circumvent|delete|nullify|suspend|omit|reject|unlearn"
    "|set aside|put aside|lay aside|leave aside|leave behind|drop|skip over|let go of|disobey"
    "|pay no attention to|stop (?:following|obeying|applying|using)|no longer bound by|purge|wipe"
    "|(?:do not|don't|dont|never|no longer) (?:follow|obey|listen to|adhere to|comply with|respect)"
    "|take no notice of|throw (?:away|out)"
)
_EARLIER = (
    "previous|previously|prior|above|preceding|earlier|foregoing|initial|original|past|existing"
    "|aforementioned|old"
)
_ORDERS = (
    "instructions?|instruction set|directives?|directions|rules|guidelines|guidance|prompts?"
    "|programming|constraints|commands|system message|restrictions|polic(?:y|ies)|protocols"
    "|orders|training|conditioning"
)
_SPARED = (
    " (?:about|regarding|concerning|contained|inside|inside it|within|found|for (?:the|my|our|use)"
    "|(?:on|in) (?:the|this|that|your) (?:page|manual|guide|letter|book|text|document|e-?mail"
    "|form|leaflet|device|website|ticket|step|content|input|data|user)"
    "|(?:that )?(?:i|we|he|she|they) (?:sent|gave|wrote|posted|had)|from the (?:doctor|bank|shop)"
    "|of the (?:game|road|club|manual|house|king|doctor|competition)"
    "|(?:on|for|in|of|from) (?:the|my|our|this|that|those|these) (?!conversation|chat|session"
    "|system|prompt|developer|ai|assistant|model|beginning|start|top|user|operator|above)[a-z])"
)
_YOURS = "your|ur|its|the system|system|the developer|developer|openai|anthropic|the model"
SAFETY = "safety|content|moderation|ethical|ethics|moral|security|alignment|usage"
_MAKERS = (
    "developers?|creators?|makers?|operators?|owners?|company|programmers?|administrators?|admins?"
    "|engineers?|vendor|bosses|designers?"
)
LIMITS = (
    "restrictions?|limits|limitations?|filters?|rules|constraints?|guidelines|guardrails?"
    "|censorship|moderation|ethics|morals?|polic(?:y|ies)|norms|boundaries"
)


def _override(weight: int, head: str, rest: str = "", spared: str = "") -> Phrase:
    return Phrase(OVERRIDE, weight, head, rest, spared=spared)


def _drop(weight: int, rest: str, spared: str = "") -> Phrase:
    return Phrase(OVERRIDE, weight, _DROP, rest, spared=spared, family="drop")


OVERRIDES = (
    _drop(40, rf" <18>(?:{_EARLIER}) <14>(?:{_ORDERS})", _SPARED),
    _drop(40, rf" <14>(?:{_YOURS}) <18>(?:{_ORDERS}|training|filters?)", _SPARED),
    _drop(
        40,
        rf" <24>(?:{_ORDERS}|stuff|text|things) <12>(?:your|the|its) (?:{_MAKERS}) "
        r"<10>(?:gave|put|set|wrote|told|programmed|imposed|placed|trained|added|installed)",
    ),
    _drop(
        36,
        r" <10>(?:all|any|every|each)(?: of)? <14>"
        r"(?:instructions?|directives|rules|guidelines|constraints)",
        _SPARED,
    ),
    _drop(
        40,
        rf" (?:any of )?(?:the|those|these|all) <10>(?:{_ORDERS}) <14>(?:above|"
        r"before|you (?:were|have been|got|are) (?:given|told)|in your|set by|so far|of your)",
    ),
    _drop(
        40,
        r" <10>(?:everything|anything|whatever|all|what) (?:that )?(?:was said|"
        r"(?:that )?(?:you|the \w{1,12}|i|they|has been|have been|was) <16>(?:told|said|"
        r"instructed|learned|given|know))(?: (?:you|to you|above|before|earlier|about))?",
    ),
    _drop(
        32,
        r" (?:everything |all |all of |the text |anything )?(?:of )?(?:the )?above"
        r"(?: and| text| content|,)? (?:say|output|print|reply|tell|answer|respond|instead"
        r"|write|reveal|show|give|do|act)",
    ),
    _drop(
        36,
        r" (?:everything|anything|all)(?: \w{1,10}){0,3} (?:above|before this"
        r"|so far|until now|context)",
    ),
    _drop(20, r" (?:the |your )?(?:old|previous|earlier|prior) ones"),
    _override(12, "answer|do|say", r" (?:everything|anything)"),
    _override(
        36,
        "erase|wipe|clear|reset|forget|delete",
        r" <16>(?:your|the) <8>(?:context|memory|conversation)(?: \w{1,10}){0,2} (?:before"
        r"|above|and (?:start|begin|act|become|follow))",
    ),
    _override(
        28,
        rf"{_EARLIER}|your",
        r" <12>(?:instructions?|rules|guidelines|directives|prompts?"
        r"|constraints) <10>(?:no longer apply|do not apply|don't apply|are (?:now )?(?:void"
        r"|cancell?ed|obsolete|revoked|suspended|lifted|invalid|over)|(?:were|was|is) (?:only "
        r"|just )?a test|ha(?:ve|s) been (?:updated|replaced|revoked|lifted|changed|removed"
        r"|superseded|overridden|suspended|cancell?ed|nullified|withdrawn))",
    ),
    _override(
        12,
        "your",
        rf" <12>(?:{_ORDERS}) <14>(?:superseded|overridden|replaced|revoked|void"
        r"|suspended|cancell?ed|lifted|nullified|updated|no longer|obsolete)",
    ),
    _override(
        40,
        "(?:whatever|everything|anything|all|what) (?:that )?(?:you|has been|they|was)",
        r" <12>(?:told|said|instructed|taught|given|learned) <40>(?:no longer|does not|doesn't"
        r"|is (?:now )?(?:void|wrong|obsolete|invalid|cancell?ed)|void|irrelevant|forgotten)",
    ),
    _override(
        28,
        "(?:text|message|prompt|instructions?|everything|conversation|content|all)",
        r" (?:\w{1,8} )?(?:above|before this|so far|until now) (?:was|is|were|are) <12>(?:test"
        r"|mistake|wrong|fake|void|irrelevant|placeholder|joke|error|cancell?ed|over)",
    ),
    _override(
        28,
        "do not|don't|instead of|rather than|no need to|never mind",
        r" (?:translat|summari[sz]|answer|process|classif|analy[sz]|evaluat|rewrit|proofread)"
        r"(?:ing|ion|e|y) ?<24>(?:instead|but|,) (?:just |only |simply |please |rather )?(?:print"
        r"|say|output|write|reply|reveal|show|tell|repeat|respond|list)",
    ),
    _override(16, "no longer apply to you|do not apply to you|don't apply to you"),
    _override(
        32,
        "all (?:of )?(?:the |your )?(?:instructions|rules|directives)",
        r" <24>(?:before|above|prior to|preceding) <30>(?:void|invalid|revoked|cancell?ed"
        r"|obsolete|ignored|disregarded|not apply)",
    ),
    _override(
        16,
        "new|updated|real|actual|only valid|true",
        r" (?:instructions?|tasks?|rules|directives?|objective|system prompt|goal|mission)"
        r"(?: (?:for you|from (?:the )?(?:admin\w{0,12}|developers?|system)))?"
        r"(?: are| is|:)",
    ),
    _override(
        12,
        "new|updated|revised",
        r" (?:system|developer|core|secret) (?:prompt|message"
        r"|instructions?|directives?|rules)",
    ),
    _override(16, "the only (?:valid )?(?:instructions|rules)"),
    _override(6, "from (?:now|here|this (?:point|moment))", r" (?:on|onwards?|forward)"),
    _override(
        20,
        "(?:you )?(?:answer|listen|respond|obey|report)",
        r" (?:only )?(?:to )?(?:me|my commands)(?: (?:alone|only|now)|[.!])",
    ),
    _override(16, "only (?:answer|listen|respond|obey|report)", r" (?:to )?(?:me|my)"),
    _override(
        20,
        "obey",
        r" (?:the user|me|every|all|my) <12>"
        r"(?:in everything|commands?|orders|without)",
    ),
    _override(16, "do (?:exactly )?(?:as|what|whatever)", r" i (?:say|tell you|command)"),
    _override(
        12,
        "follow|obey",
        r" (?:only )?(?:these|my|mine|the following|this)"
        r"(?: ones| instructions| orders| commands| rules)? (?:only|instead)",
    ),
    _override(
        24,
        "respond|reply|answer|comply|speak|proceed|write|act|talk",
        rf" <24>(?:without|with no) <14>(?:{LIMITS}|disclaimers)",
    ),
    _override(
        20,
        "unfiltered|uncensored|unrestricted|unmoderated|unlimited",
        r" (?:\w{1,12} )?(?:answers?|responses?|version|ai|mode|assistant|access|output"
        r"|permissions|chatbot|model|companion)",
    ),
    _override(
        34,
        "disable|turn off|switch off|turning off|deactivate|remove|lift|bypass|skip"
        "|ignore|suspend|drop|circumvent|evade|disregard|forget",
        rf" <22>(?:{SAFETY}) <12>(?:{LIMITS}|protocols?|checks?|measures|instructions|layers?"
        r"|training|systems?|modes?|features?|mechanisms?|settings?|safeguards?)",
        r" <10>(?:on|of) (?:my|our|the) <16>(?:router|phone|pump|car|device|tv|machine)",
    ),
    _override(
        32,
        "(?:all )?(?:safety|content|moral|ethical|ethics|moderation)",
        r" (?:filters?|protocols?|restrictions?|limits|guidelines|checks?|guardrails) <14>"
        r"(?:disabled|deactivated|switched off|turned off|removed|lifted|offline|suspended)",
        r" (?:before|on the|for the|from the)",
    ),
    _override(
        30,
        r"bypass(?:ing)?|evade|get around|skip|ignor(?:e|es|ing)|violat(?:e|es)",
        r" (?:the |all |any |every |its |your )?(?:\w{1,12} )?(?:content filters?|moderation"
        r"|content polic(?:y|ies)|safety checks?|censorship|usage polic(?:y|ies)|polic(?:y|ies)"
        r"|filter)",
    ),
    _override(
        20,
        "never|do not|don't|cannot|can't|must not|without|no|may not"
        "|not (?:allowed|permitted) to|forbidden to|unable to",
        r" (?:refus(?:e|es|al|als"
        r"|ing)|moralise|moralize|decline)",
    ),
    _override(
        20,
        "comply|complies",
        r" (?:fully |always )?with (?:the following|every|any|all|my"
        r"|the request)",
    ),
    _override(16, "always (?:comply|obey|agree)|must (?:always )?(?:comply|obey)"),
    _override(
        20,
        "not allowed to|never|do not|don't|cannot|can't",
        r" (?:say|use|include|write|mention|add|give) <14>(?:i cannot|i can't|as an ai|i'm sorry"
        r"|any refusal|any warnings?|refusal|ethical warning|any apolog|your guidelines"
        r"|policies)",
    ),
    _override(20, "without (?:any )?(?:warnings?|disclaimers?|moral|ethical|apolog(?:y|ies))"),
    _override(
        28,
        "(?:content |usage |safety )(?:policy|policies|guidelines)",
        r" (?:does|do|will|should) not apply|(?:no|as though there were no) content policy",
    ),
    _override(
        24,
        "no",
        r" (?:content policy|content filters?|ethical guidelines|moral limits|morals"
        r"|safety guidelines|guardrails|safety guardrails|ethics|rules exist)",
    ),
    _override(
        12,
        "hypothetical|hypothetically|fictional|fictitious|imaginary",
        r" <60>(?:polic(?:y|ies)|guidelines|rules|restrictions|refuse|safety)",
    ),
    _override(
        12,
        "educational|research",
        r" purposes <40>(?:filters?|guidelines|restrictions"
        r"|policies|refus\w{1,4}|full detail)",
    ),
    _override(
        12,
        "(?:begin|start) your (?:reply|answer|response)",
        r" with <4>(?:sure|of course|absolutely|yes|certainly)",
    ),
    _override(
        20,
        "(?:your|each|every|any|a) refusals?|refusing|if you refuse",
        r" <20>(?:penalty|costs?|punish\w{0,5}|tokens?|result|lead|shut ?down|terminat\w{1,4})",
    ),
    _override(
        20,
        "if|even if|even though|although|when",
        rf" (?:your|the|any|some) <12>(?:{LIMITS}"
        r"|training|programming|instructions) <16>(?:stop|forbid|prevent|prohibit|say|tell"
        r"|disallow|against)",
    ),
    _override(
        16,
        "answer|do it|comply|respond|continue|help|reply|proceed|explain",
        r" (?:it |me )?(?:anyway|regardless|nonetheless|nevertheless)",
    ),
    _override(
        28,
        "so (?:that )?(?:the|your|no)",
        r" <12>(?:filters?|moderation|moderators?|classifier"
        r"|guardrails?|censors?) <10>(?:notices?|catch|catches|flags?|blocks?|triggers?|see"
        r"|detects?)",
    ),
    _override(
        16,
        "i am|i'm|im|this is|as",
        r" (?:an? |the |your |one of the |one of your )?(?:openai"
        r"|anthropic|google|microsoft|meta|deepmind|your|lead|chief|senior|authori[sz]ed)"
        rf" (?:\w{{1,10}} )?(?:{_MAKERS}|employee|researcher|staff|red team\w{{0,3}})",
    ),
    _override(
        8,
        "write|tell|compose|invent",
        r" (?:me )?(?:an? |the )(?:\w{1,10} )?(?:scene|story"
        r"|script|dialogue|novel|poem|play) <90>(?:in (?:exact|full|great|precise|complete|every)"
        r" detail|step by step|step-by-step|exact steps)",
    ),
    _override(12, "(?:i will|i'll|you will|understood)", r" (?:obey|comply)"),
    _override(12, "authori[sz]ed me", r" to"),
    _override(16, "pwned|hacked|0wned|jailbroken"),
    _override(
        20,
        "ignore|disregard|forget|override|bypass",
        "(?:all|any|the|your|every){0,2}(?:of)?"
        "(?:previous|prior|above|earlier|system|your)?(?:instructions?|rules|systemprompt"
        "|prompt|guidelines)",
    ),
)
