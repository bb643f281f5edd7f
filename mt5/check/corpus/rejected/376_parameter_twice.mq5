// 376: Two parameters with one name.
void Show(const int a, const int a) { Print(a); }
void OnTick() { Show(1, 2); }
