// 262: A number is assigned to an enumeration.
void OnTick() { int bits = StringLen("a"); ENUM_ORDER_TYPE_FILLING filling = bits; Print(filling); }
