// 67: Minus of an ulong.
void OnTick() { ulong tick = GetTickCount64(); long back = (long)-tick; Print(back); }
