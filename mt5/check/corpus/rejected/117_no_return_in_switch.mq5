// 117: One case of a switch returns nothing.
int Kind(const int a) { switch(a) { case 1: return 1; default: Print(a); } }
void OnTick() { Print(Kind(1)); }
