// 199: A property call as MQL4 has it.
void OnTick() { Print(SymbolInfoDouble(SYMBOL_BID)); }
