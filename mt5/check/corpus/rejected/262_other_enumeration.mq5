// 262: A property of another kind.
void OnTick() { Print(SymbolInfoDouble(_Symbol, SYMBOL_DIGITS)); }
