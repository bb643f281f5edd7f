// 256: A predefined variable of MQL4.
void OnTick() { Print(Bid); }
