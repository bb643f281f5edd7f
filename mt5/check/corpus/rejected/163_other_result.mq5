// 163: A second function with another return type.
int Size() { return 1; }
double Size() { return 1.0; }
void OnTick() { Print(Size()); }
