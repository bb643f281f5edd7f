// 43: A long is converted to int.
void OnTick() { int login = AccountInfoInteger(ACCOUNT_LOGIN); Print(login); }
