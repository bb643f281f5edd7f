// 202: A constant where it may be changed.
void Clear(int &a) { a = 0; }
void Show(const int b) { Clear(b); }
void OnTick() { Show(1); }
