// 189: A constant parameter is changed.
void Show(const int a) { a++; Print(a); }
void OnTick() { Show(1); }
