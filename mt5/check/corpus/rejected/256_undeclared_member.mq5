// 256: A member that does not exist.
void OnTick() { MqlDateTime parts; if(TimeToStruct(TimeGMT(), parts)) Print(parts.month); }
