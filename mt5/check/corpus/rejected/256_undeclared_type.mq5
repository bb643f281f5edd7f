// 256: A type that does not exist.
void Show(const Leg &leg) { Print("x"); }
void OnTick() { Print("x"); }
