"""What other gateways call kinds of personal data, in our labels.

Only names whose kind is looked for here stand here; what no pattern can find is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping

_EU_IDS = (
    "AT_SVNR BE_NATIONAL BG_EGN CZ_BIRTH_NUMBER DE_ID_CARD DK_CPR EE_PERSONAL_CODE ES_DNI ES_NIE"
    " FI_HETU FR_NIR GR_AMKA HR_OIB IE_PPS IT_CODICE_FISCALE LT_PERSONAL_CODE LU_ID"
    " LV_PERSONAL_CODE NL_BSN PL_ID_CARD PL_PESEL PT_CITIZEN_CARD RO_CNP SE_PERSONNUMMER SI_EMSO"
)
_EU_SOCIAL = "AT_SVNR DE_SOCIAL_SECURITY ES_SOCIAL_SECURITY FR_NIR GR_AMKA HU_TAJ IE_PPS NL_BSN"
_EU_TAX = (
    "DE_TAX_ID FR_TAX_ID GR_AFM HU_TAX_ID IT_CODICE_FISCALE PL_NIP PL_PESEL PT_NIF HR_OIB NL_BSN"
    " IE_PPS ES_DNI ES_NIE"
)
_PASSPORTS = "AU CA CN DE FI FR IN JP NL PL SE TW UK US"
_LICENCES = "AU CA DE FR IT JP NZ"

OTHER_NAMES: Mapping[str, str] = {
    "Email": "EMAIL",
    "PhoneNumber": "PHONE",
    "Address": "ADDRESS",
    "IPAddress": "IP_ADDRESS",
    "CreditCardNumber": "CARD",
    "EUDebitCardNumber": "CARD",
    "BankAccountNumber": "BANK_ACCOUNT",
    "USBankAccountNumber": "BANK_ACCOUNT",
    "InternationalBankingAccountNumber": "IBAN",
    "SWIFTCode": "SWIFT_BIC",
    "ABARoutingNumber": "US_ABA_ROUTING",
    "DEANumber": "US_DEA",
    "USSocialSecurityNumber": "US_SSN",
    "USIndividualTaxpayerIdentification": "US_ITIN",
    "USUKPassportNumber": "PASSPORT",
    "EUPassportNumber": "PASSPORT",
    "USDriversLicenseNumber": "DRIVING_LICENCE",
    "EUDriversLicenseNumber": "DRIVING_LICENCE UK_DRIVING_LICENCE",
    "UKDriversLicenseNumber": "UK_DRIVING_LICENCE DRIVING_LICENCE",
    "UKNationalHealthNumber": "UK_NHS",
    "UKNationalInsuranceNumber": "UK_NINO",
    "UKUniqueTaxpayerNumber": "UK_UTR",
    "EUGPSCoordinates": "GPS",
    "EUNationalIdentificationNumber": _EU_IDS,
    "EUSocialSecurityNumber": _EU_SOCIAL,
    "EUTaxIdentificationNumber": _EU_TAX,
    "ARNationalIdentityNumber": "AR_DNI",
    "ATIdentityCard": "AT_SVNR",
    "AUMedicalAccountNumber": "AU_MEDICARE",
    "AUTaxFileNumber": "AU_TFN",
    "BENationalNumber": "BE_NATIONAL",
    "BENationalNumberV2": "BE_NATIONAL",
    "BGUniformCivilNumber": "BG_EGN",
    "BRCPFNumber": "BR_CPF",
    "BRLegalEntityNumber": "BR_CNPJ",
    "CAHealthServiceNumber": "CA_OHIP",
    "CASocialInsuranceNumber": "CA_SIN",
    "CHSocialSecurityNumber": "CH_AHV",
    "CLIdentityCardNumber": "CL_RUT",
    "CNResidentIdentityCardNumber": "CN_RESIDENT_ID",
    "CZPersonalIdentityNumber": "CZ_BIRTH_NUMBER",
    "CZPersonalIdentityV2": "CZ_BIRTH_NUMBER",
    "DEIdentityCardNumber": "DE_ID_CARD",
    "DETaxIdentificationNumber": "DE_TAX_ID",
    "DKPersonalIdentificationNumber": "DK_CPR",
    "DKPersonalIdentificationV2": "DK_CPR",
    "EEPersonalIdentificationCode": "EE_PERSONAL_CODE",
    "ESDNI": "ES_DNI ES_NIE",
    "ESSocialSecurityNumber": "ES_SOCIAL_SECURITY",
    "ESTaxIdentificationNumber": "ES_DNI ES_NIE",
    "FINationalID": "FI_HETU",
    "FINationalIDV2": "FI_HETU",
    "FRSocialSecurityNumber": "FR_NIR",
    "FRTaxIdentificationNumber": "FR_TAX_ID",
    "GRTaxIdentificationNumber": "GR_AFM",
    "HKIdentityCardNumber": "HK_ID",
    "HRPersonalIdentificationNumber": "HR_OIB",
    "HRNationalIDNumber": "HR_OIB",
    "HUPersonalIdentificationNumber": "HU_TAJ",
    "HUTaxIdentificationNumber": "HU_TAX_ID",
    "IDIdentityCardNumber": "ID_NIK",
    "IEPersonalPublicServiceNumber": "IE_PPS",
    "IEPersonalPublicServiceNumberV2": "IE_PPS",
    "ILNationalID": "IL_ID",
    "INPermanentAccount": "IN_PAN",
    "INPermanentAccountNumber": "IN_PAN",
    "INUniqueIdentificationNumber": "IN_AADHAAR",
    "ITFiscalCode": "IT_CODICE_FISCALE",
    "ITValueAddedTaxNumber": "IT_PARTITA_IVA",
    "JPMyNumberPersonal": "JP_MY_NUMBER",
    "KRResidentRegistrationNumber": "KR_RRN",
    "LTPersonalCode": "LT_PERSONAL_CODE",
    "LUNationalIdentificationNumberNatural": "LU_ID",
    "LVPersonalCode": "LV_PERSONAL_CODE",
    "MYIdentityCardNumber": "MY_NRIC",
    "NLCitizensServiceNumber": "NL_BSN",
    "NLCitizensServiceNumberV2": "NL_BSN",
    "NLTaxIdentificationNumber": "NL_BSN",
    "NOIdentityNumber": "NO_FODSELSNUMMER",
    "NZInlandRevenueNumber": "NZ_IRD",
    "NZMinistryOfHealthNumber": "NZ_NHI",
    "PLIdentityCard": "PL_ID_CARD",
    "PLNationalID": "PL_PESEL",
    "PLNationalIDV2": "PL_PESEL",
    "PLTaxIdentificationNumber": "PL_NIP",
    "PTCitizenCardNumber": "PT_CITIZEN_CARD",
    "PTTaxIdentificationNumber": "PT_NIF",
    "ROPersonalNumericalCode": "RO_CNP",
    "SANationalID": "SA_NATIONAL_ID",
    "SENationalID": "SE_PERSONNUMMER",
    "SENationalIDV2": "SE_PERSONNUMMER",
    "SGNationalRegistrationIdentityCardNumber": "SG_NRIC",
    "SIUniqueMasterCitizenNumber": "SI_EMSO",
    "SKPersonalNumber": "CZ_BIRTH_NUMBER",
    "THPopulationIdentificationCode": "TH_ID",
    "TRNationalIdentificationNumber": "TR_KIMLIK",
    "TWNationalID": "TW_ID",
    "ZAIdentificationNumber": "ZA_ID",
} | {
    f"{country}PassportNumber": "PASSPORT"
    for country in _PASSPORTS.split()
} | {
    f"{country}DriversLicenseNumber": "DRIVING_LICENCE"
    for country in _LICENCES.split()
}  # fmt: skip
"""Name -> our labels, with a space between."""

_WITHOUT = "PERSON PERSONTYPE ORGANIZATION AGE DATE DATETIME URL UKELECTORALROLLNUMBER"
WITHOUT_A_PATTERN = frozenset(_WITHOUT.split())
