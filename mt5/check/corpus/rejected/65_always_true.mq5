// 65: A comparison that is always true.
void OnTick() { uint size = GetTickCount(); if(size >= 0) Print(size); }
