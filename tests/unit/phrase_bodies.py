"""Replies of the kind that people write: requests to be left alone, and others that mean something else."""


def _bodies(text: str) -> list[str]:
    return [" ".join(body.split()) for body in text.split("|")]


REQUESTS = _bodies(
    """
    stop texting me | please stop | stop messaging me | remove me from this list | take me off |
    take me off your list | lose my number | don't contact me | do not text me anymore | opt me out |
    unsubscribe me | stop stop stop | stop. thank you | leave me alone | delete my number | no more texts |
    no more messages | no more emails | quit texting me | stop sending me messages | i want to opt out |
    i want to unsubscribe | how do i unsubscribe | cancel my subscription | dont text me |
    stop texting me you idiots | do not text | do not call | Stop the text, please! |
    Stop sending me text message! I have asked many times and you continue to send them to me! |
    STOP SENDING ME THESE TEXTS... I already ordered one and I don't want to keep getting texts from you |
    Please remove. Thanks. | Stop all texts to me! |
    Please delete me from your text list. Thanks so much! | Stop sending me text |
    Stop sending these, please! | Remove this number | Remove my phone number |
    Quit texting me you already ripped me off | Please remove my number from your system. Thank you! |
    stop this | stop calling | please remove me | I'd like to opt out please |
    Can you please remove me from your mailing list? | could you take me off this list thanks |
    Stop spamming me | Stop bothering me | stop harassing me | STOP CONTACTING ME |
    Please stop contacting me immediately | I do not want to receive any more messages |
    I don't want to receive texts | I dont want any more texts | I no longer want to receive these texts |
    Not interested, please remove me | Not interested stop texting me | Wrong number, stop texting |
    wrong number please remove me from your list | Who is this? Stop texting me | stop it | Stop now |
    STOP!!! STOP!!! STOP!!! | stop already | I said stop | I told you to stop |
    I already told you to stop texting me | For the last time, stop texting me |
    How many times do I have to say stop | Leave me the hell alone | please leave me alone!!! | go away |
    F off | fuck off | Do not contact me again | don't ever contact me again | Never contact me again |
    never text me again | please do not contact this number | do not text this number | do not message me |
    Don't message me again please | please don't text me | pls stop txting me | plz stop | stop plz |
    stop please | please unsubscribe | unsubscribe please | Unsubscribe me from this list |
    unsubscribe me from all messages | unsubscribe from all | unsub me | please cancel | cancel please |
    cancel all messages | end these messages | End texts | opt out please | I would like to unsubscribe |
    I wish to unsubscribe | how can I opt out? | how do I opt out of these messages |
    how do I stop these messages | How do I get off this list? | how do i get these to stop |
    get me off your list | I want off your list | I want to be removed from your list |
    please take my number off your list | please take us off your list | delete me from your list |
    delete me | erase my number | forget my number | lose this number | stop sending texts |
    stop sending me stuff | stop sending me this shit | stop sending me crap | stop with the texts |
    Stop with the messages already | enough with the texts | no more text messages please | no more calls |
    No more messages from you please | i dont want your texts | I do not want these messages |
    I don’t want these texts anymore | Don’t text me | I don`t want texts | revoke consent |
    I revoke my consent to be contacted | I revoke my permission | do not have my permission to text me |
    You don't have my permission to contact me | I did not sign up for this |
    I never signed up for this, remove me | Cease and desist | cease all communication |
    cease and desist all communications | Please cease contacting me | discontinue | discontinue messages |
    turn off texts | stop messages | STOP TEXTS | Stop texting | Stop messaging | STOP CALLING ME |
    stop emailing me | stop emails | put me on your do not call list | do not call list |
    I'm blocking you | Blocked | reported as spam | stoppp | pleaseee stop | stop txt | stop sms |
    stop msgs | Please STOP all messages. | STOP ALL MESSAGES | stop all texts | Stop all communication |
    stop all communications with me | stop sending me reminders | Kindly remove me | kindly stop |
    Stop this now | stop immediately | Remove from list | remove | REMOVE ME NOW |
    Remove me from your database | Remove me from your contacts | remove me from all lists |
    Take me off of this list | Take me off this f***ing list | take my name off your list |
    Please take me off the text list | Please take me off your texting list | Drop me from your list |
    unsubscribed | un subscribe | unsuscribe | Unsubcribe | Stop text me | stop to text me |
    quit messaging me | quit sending me texts | Quit bothering me | quit it | can you stop texting me |
    can you please stop | could you please stop sending these | would you please stop texting me |
    will you stop texting me | I need you to stop texting me | I want you to stop texting me |
    I'd like you to stop texting me | you need to stop texting me | I asked you to stop |
    I've asked you to stop texting me | please stop sending me text messages |
    Please do not send me any more messages | Don't send me anything else | do not send me texts |
    please don't send me any more texts | don't want these | don't want texts |
    I would like to stop receiving these messages | I'd like to stop getting these texts please |
    please stop, thank you | Hi, please stop texting me. Thanks! |
    Hello, could you please remove me from your list? Thank you. | hey stop | ok stop | yes stop |
    no stop | stop bro | Stop man | STOP YOU IDIOT | stop you scammers | stop asshole |
    Stop texting me asshole | This is not John. Stop texting me. | I'm not John, remove me from your list |
    I am not interested. Please take me off your list. | I already voted, stop texting me |
    I already voted! Leave me alone | Please stop texting me, I have a new provider |
    please stop texting my phone | stop texting this number |
    Stop texting this number, it belongs to someone else | please remove my number from your list |
    please remove this number from your list | remove this number from your records |
    stop blowing up my phone | stop wasting my time | STOP SENDING | Don't text | don't call me |
    don't email me | stop soliciting me | no soliciting | do not solicit | unsubscribe now |
    UNSUBSCRIBE ME NOW | please unsubscribe me | Please unsubscribe my number |
    unsubscribe this number please | opting out | I am opting out | opt-out of all |
    opt out of all messages | I'd like to opt-out | opt me out please | please opt me out of these texts |
    STOP STOP | stop!stop | stop,please | stop...please | 🙏 please stop 🙏 | stop ✋ texting |
    I don't wish to receive texts | I do not wish to receive these messages anymore |
    I would prefer not to receive these texts | I'd rather not be contacted |
    I don't want to be contacted | Do not want to be contacted | please stop contacting me by text |
    stop contacting me via text | Never message me again | stop hitting me up | please stop reaching out |
    please stop reaching out to me | Stop trying to contact me | no longer interested, please stop |
    remove me off your list | remove me of your list | remove me off this list | Take me of your list |
    take me off ur list | stop txting | stop txtn me | Stop ur texts | how to unsubscribe | how to stop |
    how to opt out | how do i stop | how do i stop this | how do i cancel | make it stop |
    I want this to stop | I don't consent to receiving messages | I do not give you permission to text me |
    stop spam | no spam | spam stop | this is spam. stop | This is harassment. Stop texting me |
    Stop or I'll sue | stop or i will report you | stop texting me or i will sue you |
    stop texting me before i report you | I will be reporting you | stop bugging me |
    I'm begging you to stop | stop this nonsense | stop this crap | stop this shit | stop promotions |
    stop ads | stop marketing | stop notifications | stop alerts | stop subscription | end subscription |
    cancel subscription | cancel texts | cancel text messages |
    please cancel my subscription to these texts | no contact | please no more | No more please |
    not interested do not text me | not interested. do not contact again | please delete my info |
    please delete my number from your list | please delete my contact information | delete this number |
    delete my data | please don't contact me anymore | please don't contact me again |
    I said don't text me | I said leave me alone | do not disturb |
    STOP texting me!!! I don't want your product | Stop texting me at this number |
    stop texting me at work | stop texting me so much | Stop texting me every day |
    stop texting me all the time | stop texting me every single day | please end |
    Please stop sending me these political messages | Stop sending me political texts |
    STOP sending me political bullshit | Please take me off your call list |
    I have asked you to take me off your list | Please remove me from your contact list |
    Remove us from your list | Remove me please and thank you | please remove me thank you |
    kindly remove me from your mailing list | kindly unsubscribe me | I want to be taken off this list |
    I'd like to be taken off your list, please. | Pls remove me | stop txting this number |
    U need to stop texting me | Stop texting me!!!!!!! | STOP TEXTING ME 😡😡😡 | Stop 🙄 please |
    don't text this number again | Don't text this number anymore | dont msg me | dont message me |
    DONT TEXT ME AGAIN | Do not ever text me again | never contact me | Don't send me texts |
    Don't send texts | no more text | no more spam | no more messages please | No more notifications |
    please no more texts | Please no more messages | no texts please | no messages please |
    please lose my number | Lose my number!! | delete my contact | Delete my number please |
    please delete my phone number | please erase my number from your system |
    take my number off your list | Take my number out of your system | remove my name from your list |
    I wish to opt out | I'd like to opt out of these messages | I want to opt-out of text messages |
    Opt out of texts | please opt out | opt me out of texts | opt me out of this | how do i unsubscribe? |
    how do I unsubscribe from this | How do I unsubscribe from these texts? | How can I unsubscribe |
    how do i remove myself from this list | can i unsubscribe | can i opt out |
    I would like to cancel my subscription | cancel my text subscription | please cancel my text messages |
    Cancel these texts | please end these messages | end all messages | stop all these texts |
    Stop all of these messages | stop every message | stop your messages | Stop your spam | stop the spam |
    stop the spam texts | stop this spam | Stop this harassment |
    stop harassing me or I'll call the police | STOP!!! Leave me alone! | Leave me alone please |
    Just leave me alone | would you leave me alone | F*** off | Get lost | Go away! | shut up | STFU |
    Unsubscribe you idiots | unsubscribe me dammit | Stop, I'm not interested | Stop. Not interested. |
    No thanks, stop texting me | no thanks please remove me |
    No thank you. Please remove me from your list. | Not interested, take me off your list |
    not interested, stop | I'm not interested, please stop texting |
    I am not interested please remove my number |
    I'm not interested in selling please take me off your list |
    my number changed please take me off your list | We sold the house. Please stop texting. |
    You have the wrong number, please stop texting me | Wrong number. Please remove. |
    This isn't Mike, please stop texting me | please don’t message me | pleez stop | stop texting me plz |
    Plz stop texting me | i don't want any more messages | I don't want to receive any more texts |
    I dont want to receive these text messages anymore | i do not want these texts |
    I don't want your messages | I don't want text messages | I don't want to be texted |
    I don't want to be on your list | I no longer want to receive messages |
    I no longer wish to be contacted | I do not wish to be contacted again | I withdraw my consent |
    I am revoking my consent | I revoke consent to contact me | You do not have permission to contact me |
    cease communication | Cease texting me | Discontinue texting me | discontinue sending me messages |
    Please discontinue | desist | Please refrain from texting me | refrain from contacting me |
    Stop bothering me please | stop pestering me | quit spamming me | quit sending me stuff |
    quit texting | quit sending me messages | stop sending these messages to me |
    Stop sending messages to this number | stop sending me emails | stop emailing | stop with these texts |
    stop this please | unsubscribe from this list | Unsubscribe from your texts | unsubscribe to this |
    unsubscribe to all | Unsubscribe from text messages | STOP! I already told you STOP! |
    I already said stop | i said no stop texting me | I've told you to stop texting me |
    I've already asked you to remove me | I have already asked to be removed |
    I asked to be removed from this list | I've asked to be removed several times |
    Please respect my wishes and stop texting me | stop texting me I'm not interested |
    stop texting me im driving | Stop texting me, I don't know you |
    stop texting me I don't know who you are | stop contacting me I am on the do not call list |
    Stop contacting this number | do not contact me by text message | Do not call or text me |
    don't call or text me | do not call or text this number again | please don't call or text |
    do not text or call | don't text or call me again | STOP CALLING AND TEXTING ME | st0p | stpo |
    UNSUBSCIBE | unsuscribe me | unsubcribe please | unsubscribe me plz | optout please | opt-out please |
    remove pls | REMOVE! | remove number | remove from list please | Please take off list |
    take me off the list | Take me off of your list please | get me off this list |
    get me off of this list | spam stop texting me | Scam. Stop. | stoppppp | STOOOOP | Stahp |
    stop. just stop. | just stop | Just stop texting me | can u stop | can u stop texting me |
    can you not text me | could you not text me anymore | could you take me off your list |
    would you remove me from your list | Will you please remove me from your list |
    May I be removed from your list? | can I be removed | can I be removed from this list |
    can I get off this list | i need to be removed from this list | i need off this list |
    I want out of this list | i want off | unenroll me | unregister me |
    Not interested. Don't text again. | dont text again | Don't contact again | do not contact again
    """
)

ORDINARY = _bodies(
    """
    don't stop sending these | please don't stop | never stop | I don't want to unsubscribe |
    We have got to STOP this bill | nonstop | non-stop | STOP 12345 | can't stop laughing |
    stop by tomorrow | the bus stop | please stop by | end of the day | cancel my appointment |
    quit smoking | when does it end | don't remove me | stop the music | yes | no thanks | No, thank you |
    Please don't stop texting me | don't stop texting me | never stop texting me | do not unsubscribe me |
    Please do not remove me from the list | I don't want to opt out | don't opt me out |
    please do not take me off the list | I did not mean to unsubscribe | Why did you stop texting me? |
    Why did you stop sending me deals? | I never said stop | I didn't say stop |
    Don't cancel my subscription | I don't want you to stop | I don't want these to stop |
    I don't want to stop receiving these | I do not want to stop getting these messages |
    don't forget to text me | text me | please text me | call me | stop and smell the roses |
    Stop calling me Bob | don't text and drive | Can you stop by my house? | Can you stop at the store |
    remove me from the waitlist | take me off the schedule | cancel my order |
    cancel my reservation please | cancel the meeting | can you cancel the delivery | I quit my job |
    I quit | The end | weekend | That's the end of it | I will stop by at 5 | I'll be there at the end |
    I can't wait for it to end | don't worry | ok | Ok thanks | thank you | hi | no | No problem |
    no need to stop | you don't have to stop | you should not stop | don't quit | Never quit |
    Don't give up | What time do you open? | who is this | how do I sign up? | I want to start |
    please start | start sending me messages again | resume | subscribe | Where is the bus stop? |
    Is there a stop near me | Does the 5 bus stop here? | one stop shop | full stop |
    Stop!! In the name of love | stop loss order at 40 | Whistle stop tour | pit stop |
    What happens if I reply STOP? | If I text STOP will I lose my appointment? | did you get my text |
    I got your message | I didn't get your text | I haven't received any texts | I never got the message |
    I didn't get any messages from you | I don't have your number | you have my number |
    my number is 5551234 | that is my number | this is my number | What's my balance | I lost my number |
    I forgot my number | did you lose my number? | don't lose my number | Do not delete my number |
    please don't delete me | Not interested | not yet | not now | No I don't | I don't know |
    I don't want it | I don't want to miss out | I don't want to come in tomorrow | I don't need a ride |
    I don't need an appointment | Do not come today | Don't come |
    Please do not send the technician today | can I be removed from the 3pm slot | remove the onions |
    please remove the tree | delete the last order | block party on saturday | I will contact you |
    I will text you later | Can you text me? | You can text me | please contact me | please call me |
    call me instead | contact me by email | Can you send me a text? | Send me a message |
    send me the link | please send me updates | I want to receive these messages | I want texts |
    I want more information | I would like to receive texts | yes I want to get these texts |
    keep sending these | keep them coming | keep texting me | keep me on the list | add me to your list |
    put me on your list | opt in | opt me in | I want to opt in | can I opt in | I want to subscribe |
    leave it at the door | leave the package | leave me a message | let me know | let me think about it |
    Let me be clear | the doctor told me to quit drinking | How do I quit smoking |
    I want to quit smoking | Will the rain ever stop | When will the rain stop? | When does the sale end |
    When will it end? | the sale ends when | please end the call | Revoke my license? | Cancel culture |
    What is your cancellation policy? | cancel my card | Cancel my membership? No way |
    I need to cancel Friday | I have to cancel | can we cancel tomorrow and reschedule |
    Unsubscribe? No way | don't cancel | do not cancel | please don't cancel | Never mind | don't bother |
    Don't bother coming | don't bother me with details | you the best | you | u | and | best | stupid |
    spam | people | fuck | Good morning | who are you | many thanks | I have enough |
    I have had enough coffee | The texts stopped | My messages stopped | messages | text | this |
    I love these texts | I like your messages | It stopped raining | I was stopped by police | stopped |
    I can't stop | I can not stop | Can't stop won't stop | Don't you dare stop | no don't stop |
    no, please don't stop | hell no don't stop | I do want these texts | don't think I want to stop |
    Is this legit? | is this a scam | Who is this? | I'm driving | I moved | Is John there? |
    Don't text while driving | don't call after 9 | don't text me before 8am |
    don't text me until tomorrow | not you | I haven't opted out | I have not unsubscribed |
    why was I unsubscribed | Why was I removed from the list? | did I get removed? |
    why am I unsubscribed | I was accidentally unsubscribed | how do I resubscribe |
    I accidentally opted out | I accidentally replied STOP | I didn't unsubscribe |
    My wife says stop spending money | my phone died | I blocked off the time | can you block the time |
    he reported the issue | report | I need to report an outage | I am reporting a leak |
    how do I report an issue | how do I report it | I want to report it | The garbage stuff |
    What do you need | no email | I have no more questions | no more questions | No updates |
    Is there any update | Are there any updates | do you have any offers? | I have the wrong size |
    wrong size | the number is wrong | Is this the wrong number? | who else is coming | let it go |
    you all set? | You keep the change | keep | are you getting these texts | are you getting my messages |
    why am i not getting texts | why am I not getting these texts | Are you receiving my texts |
    I keep getting an error | do you text | how do you text | I do not text | I don't text |
    we don't text | not texting | I'm texting you | I am texting | why text | we keep in contact |
    do you have my number | Did you give my number? | did I give you my number? | I gave you my number |
    I gave you permission | I did give consent | I signed up for this | I signed up | I asked for this |
    I did sign up for these texts | I did subscribe | did I sign up for this | We agreed to this |
    have I signed up | I have my permission slip | You have my permission to text me |
    you have permission | I consent | I do consent | i agree | I opted in | I asked to |
    this is the number | get me out of this meeting | get me in | I want out of this contract | I am out |
    I'm off today | off | I'd like to be included | I want to be contacted | yes I'd like to be contacted |
    I want to be called | could you not | please be quiet | Please send it | can you send me these |
    This is wrong | wrong | I will not stop | I won't stop | they won't stop | will you stop at my house |
    won't you stop by | why don't you stop by | please discontinue my prescription | turn off the lights |
    turn off the water | shut off the water please | turn it off | Can you stop in | Could you stop over |
    Stop on by | stop light | stop sign | end date? | end time | quit claim deed | cancel this |
    cancel that | cancel please the appointment | Can you please call me | please tell me when it ends |
    please stop the car | I'd like to stop in around 3 | The doctor said I need to stop eating sugar |
    I need to quit my gym | when can I come in | do I need to remove my shoes | remove my stitches please |
    please remove my stitches on friday | Take me off hold | take off your shoes | take me home |
    get off at the next stop | get off at the second exit | I get off at 5 | I get off work at 5 |
    lose weight | I want to lose weight | don't send the invoice yet | don't send anyone |
    don't call an ambulance | do not email the report | Never text and drive | leave me a voicemail |
    leave the key under the mat | cancel tomorrow | cancel my 3pm |
    I'd like to cancel my appointment please | Please cancel my reservation for tonight |
    stop payment on check 123 | stop payment | please stop payment | stop order | Quit playing |
    quit playing games lol | quit it out | end of story | end of discussion | month end |
    opt for the blue one | I opt for blue | I would opt out of the sauce | no messages for me? |
    any messages? | no message | Yes I still want these texts | I still want to receive texts |
    I do still want these | don't take me off | dont take me off your list please |
    please keep me on your list | please do not cancel | please do not stop | no do not stop |
    You must not stop | you should never stop | I hope you never stop texting me |
    I hope this never stops | why stop | why did it stop | did it stop | is it going to stop |
    will it stop raining | Will you stop by? | will you be stopping by | wont stop |
    it won't stop leaking | my dog won't stop barking | the bleeding won't stop |
    how do I stop the bleeding | how do I stop the leak | how do I turn off the alarm |
    how do I turn off the water | turn off the alarm | alert me | delete the appointment |
    block my calendar | block off 3pm | he is blocking my driveway | you are blocking my driveway |
    report card | report attached | my report | I will report to work | I have the wrong number |
    sorry I had the wrong day | wrong day | Sorry wrong day | who gave you my number |
    how did you get my number | Where did you get my number? | is this spam? | This is not spam |
    no spam in my inbox yet | I consent to texts | I do give permission |
    You have permission to contact me | never got your message | I never received your text |
    I never got a text | I never signed the form | I didn't ask | I didn't sign the papers |
    I did not request a refund | I didn't request a refund | I don't want a refund | I don't want surgery |
    I don't want to reschedule | I don't want to talk about price | I don't want to be late |
    I don't want to be rude | I don't want to be a bother | I don't want to bother you |
    don't want to bother you | I do not need a reminder | I'm tired | I am tired of waiting |
    not interested in the blue one | Not interested in that house | get lost in the sauce | I'm lost |
    back off the price a bit | go away for the weekend | We go away next week | enough for two |
    enough room | thats enough for me | shut up and take my money | beat it by 10% | drop it at the door |
    drop it off | drop off at 5 | drop me off at 5 | drop me a line | strike | cut it short please |
    cut it out of the budget | unsubscribe button color | who unsubscribed |
    I got unsubscribed by mistake | please resubscribe me | re-subscribe me | unstop the drain |
    stop thinking about it | stop smoking | stop worrying | stop being silly |
    Stop it you're making me blush | stop crying | I'd never stop | Non stop flight | Non-stop fun |
    stop 5 on the route | stop #2 | Stop 2 please | Stops at 5 | No more than 5 | no more parking |
    no more room | no further questions | no calls after 9 | no texting while driving |
    I want out of the deal | Do I need to stop taking my pills? | should I stop taking the medication |
    when should I stop | Can I stop in today? | please don't let me miss this | don't lose my order |
    Please don't forget about me | keep me posted | don't leave me alone in there |
    please leave a message | I can't text now | I can't talk now | can't talk, text me | don't call, text |
    do not call please text | Don't call me, text me | text don't call | I will be texting you |
    you stopped texting me | why have you stopped texting me | Have you stopped sending coupons? |
    how come you stopped sending deals | I miss your texts | did you remove me from the list? |
    am I still on the list | was I removed | I have been removed from the waitlist |
    take me off the waitlist and book me | remove one item from my order | delete my order |
    delete my appointment | cancel my membership | cancel my account | close my account |
    can I cancel anytime | I cancelled already | It was cancelled | canceled my flight | I had to cancel |
    will call to cancel | stop to eat | going to stop by later | stop over | at the stop | last stop |
    stop watch | stop gap | My phone stopped working | I quit smoking last year | quit being late |
    he quit | she quit yesterday | never quit on your dreams | to the end | end up | ended |
    The game ended | At the end of the month | revoke his access | revoked license | opt | option 2 |
    optout rate | my subscription | what is my subscription | renew my subscription |
    extend my subscription | don't end my subscription | I do not want to cancel my subscription |
    I don't want to cancel | not cancelling | I won't cancel | why was my subscription cancelled |
    who cancelled my subscription | how much to cancel my lease | help | info
    """
)
