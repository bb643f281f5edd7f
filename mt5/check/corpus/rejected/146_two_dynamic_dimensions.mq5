// 146: Only the first dimension may be dynamic.
int g_grid[][];
void OnTick() { Print("x"); }
