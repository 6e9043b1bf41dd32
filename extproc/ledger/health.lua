-- Whether calls are taken. Reply {1, seq, ms until they are again (0 = now), 1 = stopped}.
local refusal = stranger()
if refusal then return refusal end
return {1, seq, grace(), epoch[4] and 1 or 0}
