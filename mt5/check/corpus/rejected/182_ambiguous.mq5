// 182: Two overloads fit equally well.
void Show(const long a, const int b) { Print(a, b); }
void Show(const int a, const long b) { Print(a, b); }
void OnTick() { Show(1, 2); }
