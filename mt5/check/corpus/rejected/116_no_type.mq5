// 116: A declaration without a type.
g_count = 1;
void OnTick() { Print("x"); }
