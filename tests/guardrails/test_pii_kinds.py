"""Vectors of money, health, papers, places, networks: what is found, what only looks like it.

`<...>` marks what must be found. Numbers are printed examples: ABA's own, SWIFT's, BIP 173's, the
CMS's, ICAO's; persons and houses are invented or public.
"""

import pytest

from extproc.guardrails.detectors import pii

ALL = pii.build({"categories": ["ALL"]})
PRIVATE = pii.build({"categories": ["NETWORK"], "private_addresses": True})

FOUND = {
    "PHONE": (
        "call <020 7946 0958>", "on <07700 900123> or", "<01632 960983>.", "at <(0117) 496 0123>",
        "<07911123456>",
        "au <01 42 68 53 00>", "<06.12.34.56.78>", "<0612345678>",
        "unter <030 12345678>", "<0171-1234567>", "<030/1234567>", "<(030) 1234567>",
        "<612 34 56 78>", "<06-12345678>", "<044 668 18 00>", "<0470 12 34 56>", "<070-174 06 05>",
        "<0412 345 678>", "<(02) 9876 5432>", "<(11) 91234-5678>", "<090-1234-5678>",
        "<03-1234-5678>", "<010-1234-5678>", "<138 0013 8000>", "<98765 43210>", "<011 555 0100>",
        "Tel.: <5551234>", "Telefon <4930123456>", "Mobile: <07 123 4567>",
        "téléphone : <123456789>",
        "<0049 30 1234567>", "<+49 (0)89 / 123 456-78>", "Zentrale <0033 1 42 68 53 00>",
        "<001 415 555 2671>",
        '"phone": "<5551234567>"', "phone_number=<5551234567>", "Fax <(0)30 1234567>",
    ),
    "CARD": ("<4111 1111 1111 1111>", "<6205500000000000004>", "card <6759649826438453>",
             "<3056 930009 0204>", "<6011-0009-9013-9424>"),
    "SWIFT_BIC": ("SWIFT: <DEUTDEFF>", "BIC: <DEUTDEFF500>",
                  "SWIFT code <CHASUS33XXX>", "SWIFT/BIC: <BNPAFRPP>", "IBAN und BIC <BYLADEM1001>",
                  '"bic": "<COBADEFFXXX>"'),
    "US_ABA_ROUTING": ("routing number <111000025>", "ABA: <021000021>", "RTN <0210-0002-1>"),
    "BANK_ACCOUNT": ("account number <000123456789>", "Acct #<12345678>",
        "Kontonummer: <532013000>",
                     "numéro de compte <00012345678>", "a/c no. <31926819>"),
    "UK_SORT_CODE": ("sort code <60-16-13>", "Sort Code: <601613>"),
    "IN_IFSC": ("IFSC: <HDFC0000123>",),
    "AU_BSB": ("BSB <062-000>",),
    "CRYPTO_WALLET": (
        "<1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa>", "to <3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy>",
        "<bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq>", "<TJRabPrwbZy45sbavfcjinPJC18kjpRTv8>",
        "<bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0>",
        "<DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L>", "<0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe>",
    ),
    "US_NPI": ("NPI: <1234567893>", "NPI number <1234567893>"),
    "US_DEA": ("DEA #<AB1234563>", "DEA number: <AB1234563>"),
    "ICD10": ("ICD-10: <E11.9>", "ICD-10-CM code <S72.001A>", "Dx: <F32.1>", "Diagnose <J45.0>",
              "diagnosed with <C50.911>", "icd <I10>"),
    "MEDICAL_RECORD": ("MRN: <00123456>", "MRN <A-1234567>", "medical record number <448812>",
                       "Patient ID: <PT-009871>", "Patientennummer <4711081>", "mrn=<12345678>"),
    "HEALTH_INSURANCE": ("Member ID: <XYZ123456789>", "member # <W123456789>",
        "health insurance number <1234567890>",
                         "Policy number <HL-4455667>"),
    "DATE_OF_BIRTH": (
        "DOB: <03/12/1985>", "date of birth <1985-03-12>", "born on <12 March 1985>",
        "born <March 12, 1985>", "born in Leeds on <2nd of May 1990>", "DOB <12-Mar-85>",
        "geboren am <12.03.1985>", "geb. <12.3.85>", "Geburtsdatum: <5. Mai 1980>",
        "né le <12 mars 1985>", "née le <1er août 1990>", "née à Lyon le <12/03/1985>",
        "date de naissance : <12/03/1985>", "nacida el <12 de marzo de 1985>",
        "fecha de nacimiento: <12/03/1985>", "nato a Roma il <12 marzo 1985>",
        "data di nascita <12/03/1985>", "geboortedatum <12-03-1985>", "født <12.03.1985>",
        "data urodzenia: <1985-03-12>", "data de nascimento <12/03/1985>", '"dob": "<19850312>"',
        "date_of_birth=<1985-03-12>", "dateOfBirth: <1985/03/12>", "född <1985-03-12>",
    ),
    "PASSPORT": ("passport number <C01X00T47>", "Passport No: <123456789>", "Reisepass <C01X00T47>",
                 "passeport n° <12AB34567>", "US passport <A12345678>", "pasaporte: <AAA123456>",
                 "passport no. is <K1234567>", "passaporto <YA1234567>"),
    "DRIVING_LICENCE": ("driver's license <D1234567>", "Driver License #: <A1234567>",
        "Führerschein <B072RRE2I55>",
                        "DL: <F255-9215-0094>", "permis de conduire <880375100256>",
                        "driving licence no. <99123456>"),
    "VIN": ("<1M8GDM9AXKP042788>", "VIN: <WVWZZZ1JZXW000001>",
        "Fahrgestellnummer <WDB9066331S123456>"),
    "IP_ADDRESS": ("from <8.8.4.40>", "client <203.0.113.7>:443", "<81.2.69.142>/32",
        "[<2001:db8::ff00:42:8329>]",
                   "<2001:0db8:85a3:0000:0000:8a2e:0370:7334>", "host <2606:4700:4700::1111>."),
    "MAC_ADDRESS": ("<00:1B:44:11:3A:B7>", "<00-1b-44-11-3a-b7>", "<001b.4411.3ab7>"),
    "ADDRESS": (
        "lives at <10 Downing Street, London SW1A 2AA>.",
        "<1600 Amphitheatre Parkway, Mountain View, CA 94043>", "<221B Baker Street> is",
        "<350 Fifth Ave, Apt 12B, New York, NY 10118> today", "at <42 Old Kent Rd>",
        "<7 High St, Oxford OX1 4AH>",
        "wohnt <Hauptstraße 12a, 10115 Berlin>", "<Musterweg 5> ist", "<Bahnhofstr. 3-5>",
        "<Platanenallee 17, 60437 Frankfurt am Main>",
        "habite <10 rue de la Paix, 75002 Paris>", "<5 bis avenue Victor Hugo>, au",
        "<12, boulevard Saint-Germain> à",
        "<51 Franklin St, Fifth Floor, Boston, MA 02110-1301>, USA",
        "<742 Evergreen Terrace, Springfield, Illinois 62704>.",
        "woont op <Kerkstraat 12a, 1017 GC Amsterdam>", "<Hoofdweg 7> is",
        "vive en <Calle Mayor 5, 28013 Madrid>", "<Avenida de la Constitución, nº 12> es",
        "abita in <Via Garibaldi 10, 00184 Roma>", "<Corso Vittorio Emanuele II, 24/B> è",
    ),
    "POSTAL_CODE": ("ZIP <94043>", "zip code: <94043-1351>", "postcode <SW1A 2AA>", "PLZ: <10115>",
                    "postal code <K1A 0B1>", "code postal <75002>", '"zip": "<10118>"'),
    "GPS": ("latitude <48.85837>", "GPS: <48.8584, 2.2945>",
            "<48.8584° N, 2.2945° E>", "coordinates (<-33.8568, 151.2153>)",
            "<48°51'30\"N 2°17'40\"E>", '"lng": <-122.0841>'),
}  # fmt: skip

CASES = [(label, text) for label, texts in FOUND.items() for text in texts]


def found(text: str) -> list[tuple[str, str]]:
    return [(span.label, text[span.start : span.end]) for span in ALL.find(text)]


@pytest.mark.parametrize(("label", "marked"), CASES)
def test_found_whole_and_alone(label: str, marked: str) -> None:
    """P4: each kind is found whole, and nothing beside it."""
    value = marked[marked.index("<") + 1 : marked.index(">")]
    text = marked.replace("<", "").replace(">", "")
    assert found(text) == [(label, value)]


STAYS = (
    "order 1234567890123 shipped", "order no. 12345678", "invoice 2024-000123 of 04/05/2024",
    "at 1700000000 and 1700000000123 and 1700000000123456", "took 12345678 ns, 48.8584 ms",
    "550e8400-e29b-41d4-a716-446655440000", "commit 12345678d and 0123456", "sha 1A1zP1eP5QGefi2DM",
    "ISBN 978-3-16-148410-0", "backup-20261120-1504.tar.gz", "20261120-150405", "v1.2.3.4",
    "version 10.15.7.1", "OID 1.3.6.1.4.1.311", "section 12.30.4.11",
    "10.0.0.1 and 192.168.1.20:8080",
    "127.0.0.1", "255.255.255.0", "1.2.3.4", "8.8.8.8", "fe80::1", "::1", "std::vector<int>",
    "abc::def", "12:34:56", "at 2026:11:20 15:04", "ff:ff:ff:ff:ff:ff", "12-34-56-78-90-12",
    "A1:B2:C3:D4:E5:F6:A7:B8:C9:D0", "the passport office opens at 9", "renew a passport in 2026",
    "a phone with 12 megapixels", "call 911", "call it 3 times", "on 2024-05-01 call 2024-05-01",
    "born to run", "born in 1985", "was born 3 weeks early", "ne 12 pas", "geboren in 1985",
    "the 5 Best Streets", "in 2008 Wall Street fell", "3 minutes drive",
    "12 place settings", "Spring 2024 and Ring 12", "during 5 string 7", "monitoring 3 things",
    "lat 5", "lattice 48.8584 2.2945", "loss 0.1234, 0.5678", "[-0.0123, 0.4567, 0.8910]",
    "ZIP file of 12345678 bytes", "a zip of 7", "unzip 94043.tgz", "PLZ", "SWIFT: LANGUAGES",
    "Swift programming language", "SWIFT is 12", "diagnosis of 3 faults", "Dx: 12.5", "ICD-10",
    "accounts: 12", "routing table 12", "routing number 123456789",
    "aba 12", "medical records: 3", "patient identity", "MRN", "DEA 12", "NPI 1234567890",
    "NPI: 12",
    "license MIT 2.0", "DL 12", "the VIN", "ABCDEFGH123456789", "1M8GDM9A1KP042788",
    "TransactionManagerFactoryBeanProviders", "1BoatSLRHtKNngkdXEeobR76b53LETtpyS",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdx", "SKU AB12345678C", "GB123456A", "DF123456A",
    "part 123-45-67890", "S1234567A", "ABCDE1234F", "012345-6789", "123.456.789-00",
    "756.1234.5678.90", "1,234,567.89 EUR", "$1,234.56", "3.14159265358979", "1e-12",
    "0x7ffe1234abcd",
    "tel 12", "tell 1234567 people", "cell 12", "contact us within 30 days", "ssn", "ssn: none",
    "SSN: 000-12-3456", "sin 30 = 0.5", "sin(046454287)", "pan 12", "RFC 9110 and RFC 8259",
    "nie 12345678", "uid 1000", "uid=1000(root)", "spi 3", "inn 12", "dni 5", "cap 12", "fin 2026",
    "EUR 12 345 678 901", "123 456 789", "1 234 567 890", "2019 2020 2021", "page 12 of 345",
    "line 12, column 34", "HTTP/1.1 200 1234", "GET /users/12345678901/orders/98765",
    "error 0x80070005", "12345-6789", "555-123", "room 12-34-56", "2-1 2-2 2-3", "1234-5678-9012",
    "commit/0701559336", "doi 10.1073/pnas.0601602103", "<Buffer 6d 01 00 00 00 00>",
    "doi 10.1016/0020-0190(74)90003-9", "news01e/0104/010417.html",
    "50 4b 03 04 14 00 00", "4b 03 04 14 25 06 0a", "quantize(+35236450.6)", "clause 252.227-7013",
    "0020 2020 2020 2020", "0010 4865 6c6c 6f20", "id 505874903094939650",
    "/images/505354401448349696/",
    "dpkg 1.15.5.4", "Git 1.7.12.3", "strftime.c,v 1.10.2.3", "für Linux 1.1.22",
    "SQUARE CAP 12345",
    '(0x3397, "M", "dl"), (0x3398, "M", "kl")', "Via Gate 12", "via Port 8080", "Dekade 3",
    "Blockade 12",
    "Plaza Hotel 5", "Calle 5 de Mayo", "El Camino Real",
    "Hauptsache 12", "Vorstadt 3", "Bring 5", "den 5", "the Drive", "",
)  # fmt: skip


@pytest.mark.parametrize("text", STAYS)
def test_look_alikes_stay(text: str) -> None:
    """Contract (pii): times, versions, ids, prices, code and prose stay, with all kinds on."""
    assert found(text) == []


def test_private_addresses_when_asked() -> None:
    """`private_addresses`: private ranges count only then; loopback and masks never do."""
    text = "10.0.0.1 192.168.1.20 172.20.0.9 127.0.0.1 255.255.255.0 fe80::1ff:fe23:4567:890a"
    values = [text[span.start : span.end] for span in PRIVATE.find(text)]
    assert values == ["10.0.0.1", "192.168.1.20", "172.20.0.9", "fe80::1ff:fe23:4567:890a"]


def test_a_name_reaches_no_further_than_its_sentence() -> None:
    """Contract (pii): a word names what follows it, not a number of the next sentence or text."""
    assert found("I lost my passport. Order 123456789 is late.") == []
    assert found("passport\x00123456789") == []
    assert found("passport " + "and so on " * 4 + "123456789") == []
