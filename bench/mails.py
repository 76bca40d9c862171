"""The mail that is measured: about 3 KB of HTML with its text part, and the queries around it."""

_ROW = "<tr><td>$(ITEM)</td><td align=right>$(AMOUNT)원</td><td>$(CUST_NAME)</td></tr>\n"
HTML = (
    "<html><body><h1>$(CUST_NAME)님, 11월 명세서</h1><p>번호 $(CUST_ID), 등급 $(GRADE)</p><table>\n"
    + _ROW * 6
    + "</table>\n"
    + "<p>This is the part of a statement that says the same to everybody: how to pay, whom to ask.</p>\n" * 24
    + "</body></html>\n"
)
TEXT = "$(CUST_NAME)님, 11월 명세서\n번호 $(CUST_ID), $(ITEM): $(AMOUNT)원\n" + "How to pay, and whom to ask.\n" * 20
SUBJECT = "$(CUST_NAME)님, 11월 명세서"
MAPPING = "SELECT CUST_ID, ITEM, AMOUNT, GRADE FROM STATEMENT WHERE CUST_ID = :CUST_ID"
UPDATE = "UPDATE CUSTOMER SET SENT_AT = :SENT_AT WHERE CUST_ID = :CUST_ID"
TARGET = "SELECT CUST_ID, CUST_NAME, EMAIL FROM CUSTOMER WHERE SENT_AT IS NULL ORDER BY CUST_ID"
