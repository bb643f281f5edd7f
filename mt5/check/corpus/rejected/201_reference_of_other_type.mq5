// 201: A reference to another type.
void Clear(int &a) { a = 0; }
void OnTick() { double b = 1.0; Clear(b); Print(b); }
