package envelope.authz

import rego.v1

allow := answers[input.principal.name]

answers := {"text": "true", "one": 1, "null": null, "object": {"allow": true}, "yes": true, "no": false, "list": [true]}

reasons := input.principal.claims.reasons

obligations := input.principal.claims.obligations
