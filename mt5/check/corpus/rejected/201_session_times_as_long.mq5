// 201: Times of a session in variables of another type.
void OnTick() { long from = 0; long to = 0; Print(SymbolInfoSessionTrade(_Symbol, MONDAY, 0, from, to)); }
