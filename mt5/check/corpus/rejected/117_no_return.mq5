// 117: A function that ends without a result.
int Sign(const int a) { if(a > 0) return 1; }
void OnTick() { Print(Sign(1)); }
