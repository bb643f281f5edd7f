// 262: A counter where a day is expected.
void OnTick() { datetime from = 0; datetime to = 0; for(int day = 0; day < 7; day++) Print(SymbolInfoSessionTrade(_Symbol, day, 0, from, to)); }
