// 199: A property call of MQL4.
void OnTick() { Print(SymbolInfoDouble(SYMBOL_BID)); }
