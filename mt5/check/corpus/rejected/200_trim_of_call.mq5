// 200: StringTrimLeft of a result.
void OnTick() { int cut = StringTrimLeft(IntegerToString(5)); Print(cut); }
