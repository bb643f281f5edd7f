// 199: A parameter of an own function is missing.
void Show(const int a, const int b) { Print(a, b); }
void OnTick() { Show(1); }
