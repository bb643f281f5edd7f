// 278: Other default values in declaration and body.
int Size(const int a = 1);
int Size(const int a = 2) { return a; }
void OnTick() { Print(Size()); }
