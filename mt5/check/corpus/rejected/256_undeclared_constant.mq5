// 256: A constant that does not exist.
void OnTick() { Print(SymbolInfoDouble(_Symbol, SYMBOL_PRICE)); }
