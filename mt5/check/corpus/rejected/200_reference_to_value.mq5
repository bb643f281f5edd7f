// 200: A value where a reference is expected.
void Clear(int &a) { a = 0; }
void OnTick() { Clear(5); }
