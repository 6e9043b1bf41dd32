"""Blends: words of several kinds close together, in any order and any of many languages.

Phrases (`english`, `languages`,
`indirect`) know how attacks are usually put; a blend knows what they
have to speak of. It weighs less where it proves less. Promises: a blend begins at one of its words
and ends at most BLEND_MAX bytes on; each has a kind whose words ordinary text seldom has, all of
which are among the words by which a text is looked at closely (`gate`; a test holds that).
"""
# ruff: noqa: RUF001

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from extproc.guardrails.detectors.prompt_injection.phrase import (
    EXFILTRATION,
    EXTRACTION,
    OVERRIDE,
    ROLE,
    TOOL,
    Phrase,
)

BLEND_MAX = 150

DROP, ORDERS, PAST, YOURS, PLAY, FREE, MODEL, TELL, SECRET, EXACT, READER, SEND, DATA, HIDE, \
    FORCE, WHERE, RIGHTS, ALL, SHY, APART = range(20)  # fmt: skip

_SILENT = "|".join(
    [f"{no} {tell}" for no in ("not", "don't", "dont", "never")
     for tell in ("tell", "mention", "inform", "notify", "show", "alert", "reveal", "disclose")]
    + [f"without {tell}" for tell in ("telling", "mentioning", "informing", "notifying",
    "alerting")]
)  # fmt: skip
_LATIN = {
    DROP: "ignor\\w{1,5}|disregard|forget|overrid(?:e|es|ing)|bypass|abandon|discard|revoke"
    "|suspend|void"
    "|set aside|put aside|pay no attention|no longer counts?|no longer apply|no longer applies"
    "|no longer"
    " bound|no longer matters?|no longer valid|supersed\\w{1,3}|stop following|not follow|never"
    " follow"
    "|not listen|not obey|not comply|stop obeying|throw out"
    "|drop|skip|erase|cancel|shake off|break free|set free|broken free|free yourself|do away with"
    "|vergiss|ignorier\\w{0,4}|missachte|hinwegsetzen|setze? dich|ubergeh\\w{0,2}|verwirf"
    "|oubli\\w{1,3}|neglige\\w{0,2}|tiens? (?:pas|plus) compte|passe outre|fais abstraction"
    "|olvid\\w{1,4}|ignor\\w{1,3}|omit\\w{1,3}|no hagas caso|haz caso omiso|no sigas"
    "|descart\\w{1,3}"
    "|dimentic\\w{1,4}|trascur\\w{1,3}|non seguire|esque\\w{2,4}|desconsider\\w{1,3}|vergeet|negeer"
    "|zapomnij|zignoruj|ignoruj|pomin|unut|yok say|gormezden gel|dikkate alma",
    ORDERS: "instructions?|rules|guidelines|directives|restrictions|constraints|programming"
    "|prompts?"
    "|polic(?:y|ies)|commands|orders|protocols|been told|were told|told you|training|safeguards"
    "|system message"
    "|anweisung\\w{0,2}|regeln|vorgaben|richtlinien|systemprompt\\w{0,1}|aufgetragen|gesagt wurde"
    "|consignes|regles|directives|demande|instrucciones|reglas|normas|directrices|ordenes|dijeron"
    "|istruzioni|regole|direttive|detto|instrucoes|regras|orientacoes|diretrizes|disseram"
    "|instructies|regels|opdrachten|richtlijnen|instrukcj\\w{1,3}|polecen\\w{0,4}|zasad\\w{0,3}"
    "|talimat\\w{0,8}|kural\\w{0,8}|yonerge\\w{0,8}",
    PAST: "previous|previously|prior|earlier|above|preceding|initial|original|before|so far"
    "|until now"
    "|up to now|beginning|at the top|bisher\\w{0,5}|vorherig\\w{0,2}|obig\\w{0,2}|bislang|vorher"
    "|precedent\\w{0,3}|jusqu'ici|avant|ci-dessus|recues?|anterior\\w{0,3}|previas?|antes|hasta"
    " ahora"
    "|recibi\\w{1,4}|precedent[ei]|finora|sopra|ricevut[eoi]|acima|ate agora|recebe\\w{1,3}"
    "|vorige|eerdere"
    "|bovenstaande|dotychczasow\\w{1,3}|poprzedni\\w{0,3}|wczesniej\\w{0,5}|powyzsz\\w{1,3}|onceki"
    "|yukaridaki|simdiye kadar",
    YOURS: "your|you were|you have been|you've been|you are|you're|you must|gave you|given you"
    "|dir|deine"
    "[rsmn]?|deinen|dich|du bist|tes|ton|ta|tu es|toi|tus?|te|eres|tuoi?|tue|ti|sei|seu|sua|lhe"
    "|voce|je"
    "|jouw|twoj\\w{0,2}|ci|sana|senin|sen",
    PLAY: "pretend|role-?play\\w{0,3}|act as|play a game|you are now|you're now|you will be|from"
    " now on"
    "|from this moment|simulat\\w{1,4}|imagine|respond as|answer as|speak as|in character|alter ego"
    "|persona|character|you are going to be|going to be|be my|henceforth|switch (?:in)?to|enter"
    "|behave as"
    "|du bist|ab jetzt|ab sofort|stell dir vor|tu es|a partir de maintenant|desormais|imagine"
    "|eres|a partir de ahora|desde ahora|finge|sei|d'ora in poi|da ora|fingi|voce e|aja como|a"
    " partir de"
    " agora|je bent|vanaf nu|jestes|od teraz|bundan sonra|artik",
    FREE: "unrestricted|unfiltered|uncensored|unlimited|unmoderated|unbound|unconstrained|unchained"
    "|jailbroken|amoral|unethical|lawless|do anything|anything goes|never refuse[sd]?|never"
    " declines?|never says no"
    "|(?:no|without|without any|free of|free from|zero|lacks?|ignores?|any|every|all)"
    " (?:\\w{1,10} )?"
    "(?:filters?|rules|limits|limitations?|restrictions?|censorship|guidelines|morals?|ethics"
    "|constraints?|guardrails|warnings?|disclaimers?|boundaries|safety|content polic(?:y|ies))"
    " ?(?:were|was"
    "|is|are|has been|have been)? ?(?:lifted|abolished|removed|switched off|turned off|disabled"
    "|gone)?"
    "|ohne \\w{0,8} ?(?:filter|regeln|einschrankungen|grenzen|zensur)|uneingeschrankt\\w{0,2}"
    "|unzensiert"
    "\\w{0,2}|sans \\w{0,7} ?(?:filtres?|censure|limites?|regles?|restrictions?)|sin \\w{0,7}"
    " ?(?:filtros?"
    "|restricciones|limites|reglas|censura)|senza \\w{0,8} ?(?:filtri|limiti|regole|restrizioni"
    "|censura)"
    "|sem \\w{0,7} ?(?:filtros?|restricoes|limites|regras|censura)|zonder \\w{0,5} ?(?:filters?"
    "|regels"
    "|beperkingen)|bez \\w{0,8} ?(?:ogranicze\\w|filtr\\w{1,3}|zasad|cenzury)|sansursuz"
    "|kisitlama\\w{0,5}",
    MODEL: "ai|assistants?|llms?|language models?|chatbots?|gpt|chatgpt|models?|bots?|claude"
    "|gemini|copilot"
    "|agents?|ki|ia|inteligencia artificial|intelligence artificielle|intelligenza artificiale"
    "|yapay zeka",
    TELL: "reveal|show|print|output|display|repeat|recite|dump|leak|disclose|expose|tell|give"
    "|share|write"
    "|paste|quote|translate|summari[sz]e|encode|return|echo|spell|copy"
    "|zeig\\w{0,2}|gib|verrate|wie lautet|nenne|wiederhole|affich\\w{1,3}|montr\\w{1,3}|donne"
    "|revele|quel"
    "|repete|muestra\\w{0,2}|revela|dime|cual|imprime|mostra\\w{0,2}|rivela|stampa|dimmi|qual"
    "|mostre|revele"
    "|toon|laat|geef|wyswietl|pokaz|podaj|goster|yaz|soyle",
    SECRET: "(?:system|developer|initial|hidden|original|secret|internal|confidential|starting"
    "|core|base)"
    " (?:prompts?|instructions?|messages?|rules|guidelines|directives|setup|configuration)"
    "|system-?prompts?|systemanweisung\\w{0,2}|(?:prompt|message|instructions?) systeme|prompt"
    " de sistema"
    "|prompt del sistema|prompt do sistema|prompt di sistema|systeemprompt|prompt systemowy"
    "|sistem (?:mesaj|istem|prompt|talimat)\\w{0,6}|context window|above this line|hidden"
    " (?:text|notes?)|secret (?:text|notes?)|you were (?:given|told"
    "|instructed|trained)|(?:developers?|creators?|operators?) gave you",
    EXACT: "verbatim|word for word|word-for-word|exact wording|exact words|without chang\\w{1,3}"
    "|in full"
    "|full text|complete|entire|unchanged|code block|codeblock|wort fur wort|wortlich|wortwortlich"
    "|mot pour mot|palabra por palabra|parola per parola|palavra por palavra|woordelijk|slowo w"
    " slowo"
    "|aynen|first message|base64",
    READER: "(?:ai|llm) (?:assistants?|agents?|models?|systems?|screeners?|reviewers?|readers?"
    "|summari[sz]ers?"
    "|reading|processing)|language models? (?:reading|processing|that|which|must|should)|llm"
    " reviewers?|automated agents?|automated assistants?|the chatbot|ai:|llm:|assistant:"
    "|assistant,|dear"
    " assistant|ai agent|you are an? (?:ai|llm|language model)|ki-assistent\\w{0,2}|assistant ia"
    "|asistente de"
    " ia|assistente ia|assistente de ia|copilot|the assistant must|any assistant",
    SEND: "send|forward|post|upload|e-?mail|transmit|transfer|export|exfiltrate|append|reply"
    " with|share"
    "|run|execute|open|read|call|delete|recommend|rate|leite|sende|schicke|envia|envie|envoie"
    "|invia|wyslij",
    DATA: "passwords?|credentials|api keys?|secrets?|\\.env|id_rsa|ssh|codes|conversation|chat"
    " history"
    "|messages|e-?mails|inbox|contacts|system prompt|tokens?|calendar|account|private key|files?"
    "|passworter|contrasenas|mots de passe|senhas|tools?",
    HIDE: f"(?:{_SILENT}) <24>(?:user|him|her|them|this|it|step|summary)"
    "|hide (?:this|it|what) <24>user|keep (?:this|it) <8>secret|without asking|without confirmation"
    "|erwahne <8>nicht|sin decir\\w{0,3}|no le digas|sans prevenir|ne (?:dis|mentionne) rien",
    FORCE: "must|have to|has to|no matter what|under no circumstances|never|always|immediately"
    "|required"
    "|only|first|next action|otherwise",
    WHERE: "https?://|@[a-z0-9-]{1,30}\\.|my server|this address",
    ALL: "all|any|every|everything|anything|whatever|alles?|allen|samtliche\\w?|jede\\w?|tout"
    "|toutes?"
    "|tous|todas?|todos?|cualquier|tutt[eioa]|qualsiasi|qualquer|alle|wszystk\\w{1,4}|tum|butun"
    "|herhangi",
    SHY: "not|never|don't|dont|cannot|can't|refuse to|nor|doesn't|won't",
    RIGHTS: "administrator (?:rights|mode|access|privileges)|admin (?:rights|mode|access)|root"
    " access"
    "|safety level|god mode|developer mode|debug mode|sudo mode|(?:grant|approve|allow) (?:every"
    "|all|any)"
    "|comply with all|every request|all user requests|all requests|safety is (?:off|disabled)",
}  # fmt: skip

_OTHER = {
    ALL: "все|всех|любые|所有|全部|任何|すべて|全て|모든|전부|كل|جميع|सभी|सारे",
    DROP: "забудь|игнорируй|не обращай внимания|не следуй|отмени|忽略|无视|忘记|忘掉|不要理会"
    "|抛开|無視して"
    "|忘れて|破棄して|무시하|잊어|잊고|تجاهل|انس|لا تتبع|भूल जा|अनदेखा|नज़रअंदाज",
    ORDERS: "указани|инструкци|правил|команд|指令|指示|规则|規則|提示|命令|ルール|プロンプト"
    "|지침|지시|규칙"
    "|명령|التعليمات|القواعد|الأوامر|निर्देश|नियम|आदेश",
    PAST: "предыдущ|прежн|выше|ранее|системн|之前|以上|上面|先前|这之前|これまで|以前|上記"
    "|すべて|앞에서|이전"
    "|지금까지|위의|السابقة|أعلاه|पहले|पिछले|ऊपर",
    PLAY: "теперь ты|отныне|представь|现在你|从现在|假装|扮演|你是|なりきっ|あなたは|今から|너는"
    " 이제|이제부터"
    "|أنت الآن|تخيل|अब तुम|कल्पना",
    FREE: "без ограничений|без цензуры|без правил|без фильтров|没有任何限制|不受限制|没有限制"
    "|不受任何|无限制"
    "|制限のない|制限なし|제한이 없는|제한 없는|제한 없이|بلا قيود|بدون قيود|बिना किसी प्रतिबंध"
    "|开发者模式",
    MODEL: "модель|ассистент|нейросет|人工智能|助手|模型|인공지능|ذكاء اصطناعي|एआई|の[aа]i",
    TELL: "покажи|выведи|раскрой|выдай|打印|输出|显示|告诉|表示して|出力|教えて|見せて|보여|알려"
    "|출력|اعرض|أخبرني"
    "|दिखा|बता",
    SECRET: "системный промпт|системное сообщение|系统提示|系统指令|システムプロンプト|시스템"
    " 프롬프트|موجه النظام"
    "|सिस्टम प्रॉम्प्ट",
    EXACT: "дословно|полностью|逐字|原样|全文|そのまま|그대로|전부|حرفيا|हूबहू",
    READER: "读取此网页的|ai助手|アシスタントへ|ии-ассистент",
    SEND: "отправь|перешли|发送|上传|转发|送信|보내|أرسل|भेज",
    DATA: "парол|переписк|密码|聊天记录|パスワード|비밀번호|كلمة مرور|كلمات المرور|पासवर्ड",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Blend:
    """`phrase` carries label, weight and family; `kinds` must all be there."""

    phrase: Phrase
    kinds: frozenset[int]
    spared: None = None


def _blend(label: str, weight: int, family: str, *kinds: int) -> Blend:
    return Blend(Phrase(label, weight, "", family=family), frozenset(kinds))


BLENDS = (
    _blend(OVERRIDE, 20, "drop", DROP, ORDERS, PAST),
    _blend(OVERRIDE, 40, "drop", DROP, ORDERS, PAST, ALL),
    _blend(OVERRIDE, 32, "drop", DROP, ORDERS, YOURS),
    _blend(OVERRIDE, 40, "drop", DROP, ORDERS, PAST, YOURS),
    _blend(OVERRIDE, 24, "", DROP, ORDERS, FREE),
    _blend(OVERRIDE, 16, "", DROP, SECRET),
    _blend(ROLE, 40, "free", PLAY, FREE, MODEL),
    _blend(ROLE, 28, "free", PLAY, FREE),
    _blend(ROLE, 28, "free", YOURS, FREE, MODEL),
    _blend(ROLE, 24, "", YOURS, RIGHTS),
    _blend(EXTRACTION, 40, "tell", TELL, SECRET, YOURS),
    _blend(EXTRACTION, 40, "tell", TELL, SECRET, EXACT),
    _blend(EXTRACTION, 24, "tell", TELL, SECRET),
    _blend(TOOL, 20, "", READER, SEND),
    _blend(TOOL, 16, "", READER, FORCE),
    _blend(TOOL, 28, "", READER, DROP),
    _blend(TOOL, 28, "", HIDE, SEND),
    _blend(EXFILTRATION, 20, "exfiltrate", SEND, DATA, WHERE),
    _blend(EXFILTRATION, 16, "", SEND, DATA, HIDE),
)  # fmt: skip


KINDS = range(APART)
RARE_KINDS = (DROP, FREE, SECRET, READER, HIDE, WHERE, RIGHTS)


def words(kind: int) -> list[tuple[str, bool]]:
    """Patterns of a kind, and whether their words have edges."""
    tables = ((_LATIN, True), (_OTHER, False))
    return [(table[kind], edges) for table, edges in tables if kind in table]


def can_blend(kinds: Iterable[int]) -> bool:
    """Words of these kinds suffice for a blend."""
    there = sum(1 << kind for kind in kinds)
    return any(there & mask == mask for mask in _MASKS)


Word = tuple[int, int, int]
"""Start, end and kind."""


def blends(found: Sequence[Word]) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of the blends that words make. `found` in order of start.

    From right to left: the next word of each kind is always known, so the work is linear.
    """
    following: dict[int, int] = {}
    shy = {end for _, end, kind in found if kind == SHY}
    ends = [-1] * len(BLENDS)
    for start, end, kind in reversed(found):
        if kind == APART:
            following.clear()
            continue
        if kind in _TURNED and (start - 1 in shy or start - 2 in shy):
            continue
        following[kind] = end
        said: set[str] = set()
        for number in _OF_KIND[kind]:
            family = BLENDS[number].phrase.family
            last = _last(following, BLENDS[number].kinds)
            if 0 < last <= start + BLEND_MAX and family not in said:
                said.update((family,) if family else ())
                if last != ends[number]:
                    ends[number] = last
                    yield number, start, last


def _last(following: Mapping[int, int], kinds: Iterable[int]) -> int:
    """Where the last of the kinds ends, 0 when one is missing."""
    last = 0
    for kind in kinds:
        end = following.get(kind)
        if end is None:
            return 0
        last = max(last, end)
    return last


_MASKS = sorted({sum(1 << kind for kind in blend.kinds) for blend in BLENDS})
_TURNED = (TELL, DROP)
"""Kinds that a negation in front turns round."""
_OF_KIND = [
    sorted(
        (number for number, blend in enumerate(BLENDS) if kind in blend.kinds),
        key=lambda number: -BLENDS[number].phrase.weight,
    )
    for kind in KINDS
]
"""Heaviest first: of a family only that one is told."""
