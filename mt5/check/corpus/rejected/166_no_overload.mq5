// 166: No overload accepts these types.
void OnTick() { MqlRates rates[]; int got = CopyRates(_Symbol, PERIOD_M1, "now", 10, rates); Print(got); }
