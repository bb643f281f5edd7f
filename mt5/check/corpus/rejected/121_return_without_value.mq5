// 121: return without a value.
int Sign(const int a) { if(a > 0) return; return 1; }
void OnTick() { Print(Sign(1)); }
