// 199: A parameter of a function of the program is missing.
void Show(const int a, const int b) { Print(a, b); }
void OnTick() { Show(1); }
