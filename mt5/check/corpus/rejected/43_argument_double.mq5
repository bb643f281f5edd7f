// 43: An argument loses its fraction.
void Show(const int digits) { Print(digits); }
void OnTick() { Show(MathFloor(2.5)); }
