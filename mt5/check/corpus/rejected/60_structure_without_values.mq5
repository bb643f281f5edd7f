// 60: A structure that is read before it is filled.
void OnTick() { MqlTick tick; Print(tick.bid); }
