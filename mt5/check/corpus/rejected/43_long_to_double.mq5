// 43: 64 bits become 53.
void OnTick() { double login = AccountInfoInteger(ACCOUNT_LOGIN); Print(login); }
