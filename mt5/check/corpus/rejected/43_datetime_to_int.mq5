// 43: Time becomes an int.
void OnTick() { int now = TimeGMT(); Print(now); }
