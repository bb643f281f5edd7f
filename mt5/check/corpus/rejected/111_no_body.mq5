// 111: A function that is declared and has no body.
int Size(const int a);
void OnTick() { Print(Size(1)); }
