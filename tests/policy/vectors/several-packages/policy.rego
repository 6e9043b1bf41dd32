package envelope.authz

import data.envelope.lib
import rego.v1

default allow := false

allow if lib.is_staff(input.principal)
